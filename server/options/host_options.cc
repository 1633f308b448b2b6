// SPDX-License-Identifier: MIT
// Options of what the process gets from the system it runs on: processors, memory, its name, the system's log.
#include <string>
#include <string_view>

#include "server/base/text.h"
#include "server/options/option_topics.h"
#include "server/process/cpu_list.h"
#include "server/process/crash_log.h"
#include "server/process/oom_score.h"
#include "server/process/process_title.h"

namespace ringkv::server {
namespace {

std::string CheckTemplate(std::string_view value) {
  const bool is_good = !value.empty() && MakeTitle(value, "", "", Options());
  return is_good ? "" : "template format is invalid or contains unknown variables";
}

std::string CheckCpuList(std::string_view value) {
  return ParseCpuList(value) ? "" : "it takes processors, such as '0,2-3' or '0-7:2'";
}

std::string CheckSupervisor(std::string_view value) {
  if (!EqualsIgnoringCase(value, "upstart")) return {};
  return "upstart is not supported; use systemd or auto, or no if nothing waits for the server to be ready";
}

OomScoreMode OomScoreModeOf(std::string_view value) {
  if (EqualsIgnoringCase(value, "no")) return OomScoreMode::kNo;
  return EqualsIgnoringCase(value, "absolute") ? OomScoreMode::kAbsolute : OomScoreMode::kRelative;
}

std::string TryOomScoreMode(const OptionParts& parts, const Options& options, std::string_view value) {
  return std::get<OomScore&>(parts).Try(OomScoreModeOf(value), options.oom_score_adj_values.Get());
}

std::string TryOomScores(const OptionParts& parts, const Options& options, std::string_view value) {
  return std::get<OomScore&>(parts).Try(static_cast<OomScoreMode>(options.oom_score_adj.load()), value);
}

constexpr OptionRow CpuList(std::string_view name, std::string_view alias, SharedText Options::*field,
                            std::string_view summary) {
  return {.name = name,
          .type = OptionType::kText,
          .default_value = "",
          .alias = alias,  // as Valkey calls it
          .summary = summary,
          .field = field,
          .check = CheckCpuList};
}

constexpr OptionRow kHostOptions[] = {
    {.name = "supervised",
     .type = OptionType::kChoice,
     .default_value = "auto",
     .choices = "no upstart systemd auto",
     .summary = "Tells the service manager when the server is ready, and stays in the foreground. auto: if there is "
                "one, by its variable NOTIFY_SOCKET. upstart is refused.",
     .field = &Options::supervised,
     .check = CheckSupervisor},
    {.name = "set-proc-title",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .summary = "Shows proc-title-template in lists of processes, instead of the arguments.",
     .field = &Options::set_proc_title},
    {.name = "proc-title-template",
     .type = OptionType::kText,
     .default_value = "{title} {listen-addr} {server-mode}",
     .changeable = true,
     .summary =
         "Title of the process. Variables: {title} (the program as it was called), {listen-addr}, {server-mode}, "
         "{port}, {tls-port}, {unixsocket}, {config-file}.",
     .field = &Options::proc_title_template,
     .check = CheckTemplate,
     .apply = [](ProcessTitle& title, const Options& options) { title.Show(options); }},
    {.name = "syslog-enabled",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary = "Writes log lines to syslog too; in the background without a logfile, only there.",
     .field = &Options::syslog_enabled},
    {.name = "syslog-ident",
     .type = OptionType::kText,
     .default_value = "ringkv",
     .summary = "Name of the program in syslog.",
     .field = &Options::syslog_ident},
    {.name = "syslog-facility",
     .type = OptionType::kChoice,
     .default_value = "local0",
     .choices = "user local0 local1 local2 local3 local4 local5 local6 local7",
     .summary = "Facility of syslog.",
     .field = &Options::syslog_facility},
    {.name = "crash-log-enabled",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Logs the signal and the calls that led to it when the program crashes.",
     .field = &Options::crash_log_enabled,
     .apply = [](Log&, const Options& options) { EnableCrashLog(options.crash_log_enabled != 0); }},
    {.name = "disable-thp",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .summary = "Turns transparent huge pages off for this process if the system gives them to all, but for what "
                "huge-pages asks for; before Linux 6.18 also for that.",
     .field = &Options::disable_thp},
    {.name = "huge-pages",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary = "Asks the system for huge pages for the data: requests cost less where keys are tens of millions, and "
                "the data takes some percent more memory, at worst a quarter.",
     .field = &Options::huge_pages},
    {.name = "oom-score-adj",
     .type = OptionType::kChoice,
     .default_value = "no",
     .choices = "no yes relative absolute",
     .changeable = true,
     .summary = "Sets how likely the kernel kills this process when memory runs out. yes, relative: adds "
                "oom-score-adj-values to the score at the start; absolute: replaces it.",
     .field = &Options::oom_score_adj,
     .obtain = TryOomScoreMode,
     .set = [](Options& options,
               std::string_view value) { options.oom_score_adj = static_cast<int64_t>(OomScoreModeOf(value)); }},
    {.name = "oom-score-adj-values",
     .type = OptionType::kText,
     .default_value = "0 200 800",
     .changeable = true,
     .is_list = true,
     .summary = "Scores for oom-score-adj, from -2000 to 2000: of a primary, of a replica; the third has no effect, "
                "because there are no child processes.",
     .field = &Options::oom_score_adj_values,
     .check = [](std::string_view value) { return CheckOomScores(value); },
     .obtain = TryOomScores},
    CpuList("server_cpulist", "server-cpulist", &Options::server_cpulist,
            "Processors of all threads that have no list of their own, such as 0,2-3 or 0-7:2; empty for all."),
    CpuList("bio_cpulist", "bio-cpulist", &Options::bio_cpulist,
            "Processors of the threads in the background: log, freed memory, long HTTP work."),
    CpuList("aof_rewrite_cpulist", "aof-rewrite-cpulist", &Options::aof_rewrite_cpulist,
            "Processors of the threads that make a snapshot so that old log files can be deleted."),
    CpuList("bgsave_cpulist", "bgsave-cpulist", &Options::bgsave_cpulist,
            "Processors of the threads that make any other snapshot."),
};

}  // namespace

std::span<const OptionRow> HostOptions() { return kHostOptions; }

}  // namespace ringkv::server
