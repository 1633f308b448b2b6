// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <chrono>
#include <cstdio>

#include "storage/allocator.h"
#include "storage/keyspace/eviction.h"
#include "storage/keyspace/expiry_job.h"

namespace ringkv::server {
namespace {

std::string MakeRunId() {
  storage::Random random(storage::SeedFromSystem());
  std::string id;
  while (id.size() < 40) {
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random.Next()));
    id += digits;
  }
  return id.substr(0, 40);
}

}  // namespace

Server::Server(Options& options, const storage::Clock& clock, std::string config_path)
    : options_(options),
      clock_(clock),
      config_path_(std::move(config_path)),
      run_id_(MakeRunId()),
      started_ms_(clock.Now()),
      ticks_(TickClock::Calibrate()),
      store_({.databases = static_cast<storage::DbIndex>(options.databases.load()),
              .hash_seed = storage::SeedFromSystem()},
             clock) {
  store_.set_observer(&watched_keys_);
  const auto thread_count = static_cast<size_t>(options.io_threads.load());
  for (size_t i = 0; i < thread_count; ++i) {
    threads_.push_back(std::make_unique<ThreadState>(i, store_, commands_.size(), storage::SeedFromSystem()));
  }
  ApplyOptions();
}

Server::~Server() { Stop(); }

void Server::Start(ClientLinks& links) {
  links_ = &links;
  startup_memory_ = storage::UsedMemory();
  store_.reclaimer().Start();
  housekeeping_ = std::thread([this] { RunHousekeeping(); });
}

void Server::Stop() {
  stopping_.store(true);
  if (housekeeping_.joinable()) housekeeping_.join();
  store_.reclaimer().Stop();
}

void Server::ApplyOptions() {
  log_.SetLevel(static_cast<LogLevel>(options_.loglevel.load()));
  storage::AccessOptions& access = store_.access_options();
  access.lfu_log_factor = static_cast<uint32_t>(options_.lfu_log_factor);
  access.lfu_decay_minutes = static_cast<uint32_t>(options_.lfu_decay_time);
  const auto policy = static_cast<storage::EvictionPolicy>(options_.maxmemory_policy.load());
  access.mode = storage::IsLfu(policy) ? storage::AccessMode::kLeastFrequent : storage::AccessMode::kLeastRecent;
  slow_log_.Trim(static_cast<size_t>(options_.slowlog_max_len));

  // Authentication is the session's own matter: one that came before the password keeps its right.
  uint32_t refused = 0;
  if (options_.enable_debug_command != static_cast<int64_t>(DebugCommand::kYes)) refused |= kNeedsDebugAllowed;
  if (options_.maxmemory != 0) refused |= kNeedsMemoryChecked;
  if (options_.read_only != 0) refused |= kNeedsWritable;
  if (pause_end_ms() != 0) refused |= pause_mode_ == PauseMode::kAll ? kNeedsNoPause : kNeedsNoWritePause;
  refused_now_.store(refused, std::memory_order_relaxed);
}

// --- pause ----------------------------------------------------------------------------------------------------------

void Server::Pause(PauseMode mode, int64_t until_ms) {
  // A later pause may only make an earlier one longer or stricter, as in Redis.
  if (IsPaused(clock_.Now())) {
    if (pause_mode_ == PauseMode::kAll) mode = PauseMode::kAll;
    until_ms = std::max(until_ms, pause_end_ms());
  }
  pause_mode_ = mode;
  pause_end_ms_ = until_ms;
  ApplyOptions();
}

void Server::Unpause() {
  pause_end_ms_ = 0;
  ApplyOptions();
  if (links_ != nullptr) links_->ResumePaused();
}

bool Server::IsPaused(int64_t now_ms) {
  const int64_t end = pause_end_ms();
  if (end == 0) return false;
  if (now_ms < end) return true;
  Unpause();
  return false;
}

// --- in the background ----------------------------------------------------------------------------------------------

void Server::SweepExpiredKeys() {
  // A third of one processor at the most, in slices of a millisecond, until the keyspace is passed.
  constexpr uint64_t kSliceMicroseconds = 1000;
  constexpr auto kRest = std::chrono::milliseconds(2);
  storage::ExpiryJob job(store_);
  bool finished = false;
  const uint64_t pass_start = ticks_.Now();
  while (!finished && !stopping_ && active_expiry_.load(std::memory_order_relaxed)) {
    const uint64_t start = ticks_.Now();
    while (!finished && ticks_.Microseconds(ticks_.Now() - start) < kSliceMicroseconds) finished = job.Step();
    if (!finished) std::this_thread::sleep_for(kRest);
  }
  const uint64_t took_ms = ticks_.Microseconds(ticks_.Now() - pass_start) / 1000;
  const int64_t threshold = options_.latency_monitor_threshold;
  if (threshold > 0 && took_ms >= static_cast<uint64_t>(threshold)) {
    latency_events_.Add("expire-cycle", clock_.Now() / 1000, took_ms);
  }
}

void Server::SampleRates(int64_t elapsed_ms) {
  uint64_t commands = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  for (const auto& thread : threads_) {
    commands += thread->statistics.commands.Get();
    bytes_read += thread->statistics.bytes_read.Get();
    bytes_written += thread->statistics.bytes_written.Get();
  }
  const auto per_second = [&](uint64_t now, uint64_t& last) {
    const uint64_t difference = now >= last ? now - last : now;
    last = now;
    return difference * 1000 / static_cast<uint64_t>(elapsed_ms);
  };
  rates_.commands = per_second(commands, last_commands_);
  rates_.bytes_read = per_second(bytes_read, last_bytes_read_);
  rates_.bytes_written = per_second(bytes_written, last_bytes_written_);
}

void Server::NotePeakMemory(size_t used) {
  size_t peak = peak_memory_.load(std::memory_order_relaxed);
  while (used > peak && !peak_memory_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
}

void Server::RunHousekeeping() {
  NameThisThread("housekeeping");
  storage::CountMemoryOfThisThread();
  constexpr uint64_t kRateMicroseconds = 1'000'000;
  uint64_t last_rates = ticks_.Now();
  while (!stopping_) {
    SweepExpiredKeys();
    NotePeakMemory(storage::UsedMemory());
    const uint64_t elapsed = ticks_.Microseconds(ticks_.Now() - last_rates);
    if (elapsed >= kRateMicroseconds) {
      SampleRates(static_cast<int64_t>(elapsed / 1000));
      last_rates = ticks_.Now();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(std::max<int64_t>(1000 / options_.hz, 2)));
  }
}

void Server::ResetStatistics(storage::Txn& txn) {
  for (const auto& thread : threads_) thread->statistics.Reset();
  txn.ResetStatistics();
  store_.reclaimer().ResetFreed();
  peak_memory_.store(storage::UsedMemory(), std::memory_order_relaxed);
}

}  // namespace ringkv::server
