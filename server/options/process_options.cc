// SPDX-License-Identifier: MIT
// Options of the process.
#include <optional>
#include <string>
#include <string_view>

#include "server/config/shutdown_flags.h"
#include "server/observe/log.h"
#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

std::string CheckShutdownFlags(std::string_view value) {
  const std::optional<ShutdownFlags> flags = ParseShutdownFlags(value);
  if (!flags) return "argument(s) must be one of the following: default, save, nosave, now, force";
  return flags->save && flags->nosave ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : "";
}

constexpr OptionRow OnSignal(std::string_view name, SharedText Options::*field, std::string_view summary) {
  return {.name = name,
          .type = OptionType::kText,
          .default_value = "default",
          .changeable = true,
          .is_list = true,
          .summary = summary,
          .field = field,
          .check = CheckShutdownFlags,
          .normalized = [](std::string_view value) {
            return PrintShutdownFlags(ParseShutdownFlags(value).value_or(ShutdownFlags()));
          }};
}

constexpr OptionRow kProcessOptions[] = {
    {.name = "daemonize",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary = "Runs in the background.",
     .field = &Options::daemonize},
    {.name = "pidfile",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "File for the process id; empty for none (in the background: /var/run/ringkv.pid).",
     .field = &Options::pidfile},
    {.name = "dir",
     .type = OptionType::kText,
     .default_value = "",
     .is_protected = true,
     .summary = "Directory of the data and of relative paths in other options; empty for the directory of the start.",
     .field = &Options::dir},
    {.name = "logfile",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Log file, reopened on SIGHUP; empty for standard output.",
     .field = &Options::logfile},
    {.name = "loglevel",
     .type = OptionType::kChoice,
     .default_value = "notice",
     .choices = "debug verbose notice warning",
     .changeable = true,
     .summary = "Minimum level of log lines.",
     .field = &Options::loglevel,
     .apply = [](Log& log, const Options& options) { log.SetLevel(static_cast<LogLevel>(options.loglevel.load())); }},
    {.name = "hz",
     .type = OptionType::kInteger,
     .default_value = "10",
     .least = 0,
     .most = INT32_MAX,
     .taken_within = {1, 500},
     .changeable = true,
     .summary = "Runs of periodic tasks per second: idle timeouts of clients, active expiry.",
     .field = &Options::hz},
    {.name = "shutdown-timeout",
     .type = OptionType::kInteger,
     .default_value = "10",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary =
         "Seconds that a primary waits at shutdown for its replicas to receive the last writes; 0 does not wait.",
     .field = &Options::shutdown_timeout},
    OnSignal(
        "shutdown-on-sigint", &Options::shutdown_on_sigint,
        "Shutdown at SIGINT. default: a snapshot is made if there are save points; save, nosave, now (does not wait "
        "for replicas), force (a failed snapshot does not keep the server up): as SHUTDOWN has them."),
    OnSignal("shutdown-on-sigterm", &Options::shutdown_on_sigterm, "Shutdown at SIGTERM, likewise."),
    {.name = "shutdown-drain",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 3600,
     .changeable = true,
     .summary = "Seconds between SIGTERM and shutdown during which requests are served while /readyz and INFO report "
                "draining, so that load balancers remove this server. A second SIGTERM ends it at once.",
     .field = &Options::shutdown_drain},
};

}  // namespace

std::span<const OptionRow> ProcessOptions() { return kProcessOptions; }

}  // namespace ringkv::server
