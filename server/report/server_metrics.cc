// SPDX-License-Identifier: MIT
// The server as a process, and its clients.
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "server/base/version.h"
#include "server/cluster/cluster_state.h"
#include "server/config/own_ports.h"
#include "server/report/metric_table.h"
#include "server/report/process_report.h"
#include "server/report/readiness.h"

namespace ringkv::server {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Reading SecondsText(const timeval& time) {
  char text[64];
  std::snprintf(text, sizeof text, "%ld.%06ld", static_cast<long>(time.tv_sec), static_cast<long>(time.tv_usec));
  return std::string(text);
}

Reading Executable(const Observation&) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

Reading OperatingSystem(const Observation&) {
  utsname name{};
  ::uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

int64_t SecondsUp(const Observation& o) { return (o.steady_ms - o.parts.started_steady_ms) / 1000; }

template <std::atomic<size_t> ClientCard::*kSize>
Reading LargestOf(const Observation& o) {
  size_t largest = 0;
  for (const auto& card : o.parts.clients.All()) largest = std::max(largest, ((*card).*kSize).load());
  return largest;
}

// Threads that have clients.
size_t CountServing(const Observation& o) {
  return static_cast<size_t>(std::count_if(o.parts.threads.begin(), o.parts.threads.end(), [](const auto& thread) {
    return thread->load.connections.load(std::memory_order_relaxed) > 0;
  }));
}

// In WAIT, in a blocking command, or because of CLIENT PAUSE.
bool IsBlocked(const ClientCard& card) { return card.is_paused || card.is_waiting; }

template <auto kCounts>
Reading CountClients(const Observation& o) {
  const auto all = o.parts.clients.All();
  return Reading(
      static_cast<int64_t>(std::count_if(all.begin(), all.end(), [](const auto& card) { return kCounts(*card); })));
}

void AddBuild(const Observation&, Families* families) {
  MetricFamily& info =
      families->emplace_back(EmptyFamily({"ringkv_build_info", kGauge, "Versions of the server and of the protocol."}));
  AddSample(&info, {{"version", std::string(kRingKvVersion)}, {"redis_version", std::string(kRedisVersion)}}, 1);
}

constexpr Metric kServerMetrics[] = {
    {.add_families = AddBuild},
    {.series = {"process_cpu_seconds_total", kCounter, "CPU time of the process, user and system."},
     .read = [](const Observation& o) { return Reading(Seconds(o.usage.ru_utime) + Seconds(o.usage.ru_stime), 6); }},
    {.series = {"process_start_time_seconds", kGauge, "Start time of the process, in seconds since 1970."},
     .read = [](const Observation& o) { return Reading(static_cast<double>(o.parts.started_ms) / 1000, 3); }},
    {.series = {"ringkv_ready", kGauge, "1 if /readyz reports ready."},
     .read = [](const Observation& o) { return Reading(ReasonsNotReady(o.parts).empty()); }},
    {.section = "cpu",
     .info = "used_cpu_sys",
     .read = [](const Observation& o) { return SecondsText(o.usage.ru_stime); }},
    {.section = "cpu",
     .info = "used_cpu_user",
     .read = [](const Observation& o) { return SecondsText(o.usage.ru_utime); }},
    {.section = "cpu",
     .info = "used_cpu_sys_main_thread",
     .read = [](const Observation&) { return Reading(CpuOfIoThreads().system_seconds, 6); }},
    {.section = "cpu",
     .info = "used_cpu_user_main_thread",
     .read = [](const Observation&) { return Reading(CpuOfIoThreads().user_seconds, 6); }},

    {.section = "server", .info = "redis_version", .read = [](const Observation&) { return Reading(kRedisVersion); }},
    {.section = "server", .info = "ringkv_version", .read = [](const Observation&) { return Reading(kRingKvVersion); }},
    {.section = "server", .info = "redis_build_id", .read = [](const Observation&) { return Reading(BuildId()); }},
    {.section = "server",
     .info = "redis_mode",
     .read = [](const Observation& o) { return Reading(o.parts.cluster.is_enabled() ? "cluster" : "standalone"); }},
    {.section = "server",
     .info = "availability_zone",
     .read = [](const Observation& o) { return Reading(o.parts.options.availability_zone.Get()); }},
    {.section = "server", .info = "os", .read = OperatingSystem},
    {.section = "server", .info = "arch_bits", .read = [](const Observation&) { return Reading(sizeof(void*) * 8); }},
    {.section = "server",
     .info = "monotonic_clock",
     .read =
         [](const Observation& o) {
           return Reading(o.parts.ticks.uses_counter() ? "processor counter" : "POSIX clock_gettime");
         }},
    {.section = "server", .info = "multiplexing_api", .read = Always<"epoll">},
    {.section = "server", .info = "gcc_version", .read = [](const Observation&) { return Reading(__VERSION__); }},
    {.section = "server",
     .info = "process_supervised",
     .read = [](const Observation&) { return Reading(std::getenv("NOTIFY_SOCKET") != nullptr ? "systemd" : "no"); }},
    {.section = "server", .info = "process_id", .read = [](const Observation&) { return Reading(::getpid()); }},
    {.section = "server", .info = "run_id", .read = [](const Observation& o) { return Reading(o.parts.run_id); }},
    {.section = "server",
     .info = "tcp_port",
     .read = [](const Observation& o) { return Reading(PortOfClients(o.parts.options)); }},
    {.section = "server",
     .info = "server_time_usec",
     .read = [](const Observation& o) { return Reading(o.parts.clock.NowMicros()); }},
    {.section = "server",
     .info = "uptime_in_seconds",
     .read = [](const Observation& o) { return Reading(SecondsUp(o)); }},
    {.section = "server",
     .info = "uptime_in_days",
     .read = [](const Observation& o) { return Reading(SecondsUp(o) / 86'400); }},
    {.section = "server", .info = "hz", .read = OptionText<"hz">},
    {.section = "server", .info = "configured_hz", .read = OptionText<"hz">},
    {.section = "server",
     .info = "lru_clock",
     .read = [](const Observation& o) { return Reading(uint64_t{storage::AccessSecond(o.now_ms)}); }},
    {.section = "server", .info = "executable", .read = Executable},
    {.section = "server",
     .info = "config_file",
     .read = [](const Observation& o) { return Reading(o.parts.config_path); }},
    {.section = "server",
     .info = "io_threads_active",
     .read = [](const Observation& o) { return Reading(CountServing(o) > 1); }},
    {.section = "server",
     .info = "io_threads",
     .series = {"ringkv_io_threads", kGauge, "Threads that may serve clients (io-threads)."},
     .read = [](const Observation& o) { return Reading(o.parts.options.io_threads.load()); }},
    {.section = "server",
     .info = "io_threads_serving",
     .series = {"ringkv_io_threads_serving", kGauge, "Threads that have clients now."},
     .read = [](const Observation& o) { return Reading(CountServing(o)); }},
    {.section = "server",
     .info = "io_thread_moves",
     .series = {"ringkv_io_thread_moves_total", kCounter, "Moves of a client to another I/O thread."},
     .read = SumOf<&ThreadStatistics::clients_moved>},
    {.section = "server",
     .info = "shutdown_in_milliseconds",
     .read = [](const Observation& o) { return Reading(o.parts.shutdown.MillisecondsLeft().value_or(0)); },
     .is_shown = [](const Observation& o) { return o.parts.shutdown.MillisecondsLeft().has_value(); }},

    {.section = "clients",
     .info = "connected_clients",
     .series = {"ringkv_connected_clients", kGauge, "Clients of the Redis port and the HTTP port, without replicas."},
     .read = CountClients<[](const ClientCard& card) { return !card.is_replica.load(); }>},
    {.section = "clients",
     .info = "maxclients",
     .series = {"ringkv_max_clients", kGauge, "Maximum number of clients (maxclients)."},
     .read = [](const Observation& o) { return Reading(o.parts.options.maxclients.load()); }},
    {.section = "clients", .info = "client_recent_max_input_buffer", .read = LargestOf<&ClientCard::input_bytes>},
    {.section = "clients", .info = "client_recent_max_output_buffer", .read = LargestOf<&ClientCard::output_peak>},
    {.section = "clients", .info = "blocked_clients", .read = CountClients<IsBlocked>},
    {.section = "clients",
     .info = "tracking_clients",
     .series = {"ringkv_tracking_clients", kGauge, "Clients that keep copies of keys (CLIENT TRACKING)."},
     .read = [](const Observation& o) { return Reading(o.parts.tracking.clients()); }},
    {.section = "clients",
     .info = "clients_in_timeout_table",
     .read = CountClients<[](const ClientCard& card) { return card.wait_ends.load(); }>},
};

}  // namespace

std::span<const Metric> ServerMetrics() { return kServerMetrics; }

}  // namespace ringkv::server
