// SPDX-License-Identifier: MIT
// Options of the files of the data.
#include <string>
#include <string_view>

#include "server/base/needs.h"
#include "server/base/text.h"
#include "server/config/save_points.h"
#include "server/data/data_keeper.h"
#include "server/options/option_topics.h"
#include "storage/durability/durability.h"

namespace ringkv::server {
namespace {

std::string CheckSavePoints(std::string_view value) {
  return !HasEmptyWord(value) && ParseSavePoints(value) ? "" : "Invalid save parameters";
}

std::string CheckFileName(std::string_view value) {
  if (value.empty()) return "it can't be empty";
  return value.find('/') == std::string_view::npos ? "" : "it can't be a path, just a file name";
}

void SetCompression(storage::Durability& durability, const Options& options) {
  durability.SetCompression(static_cast<int>(options.snapshot_compression_level),
                            static_cast<size_t>(options.snapshot_threads));
}

constexpr OptionRow kPersistenceOptions[] = {
    {.name = "save",
     .type = OptionType::kText,
     .default_value = "3600 1 300 100 60 10000",
     .changeable = true,
     .is_list = true,
     .accumulates = true,
     .summary = "Save points, as pairs of seconds and changes: a snapshot is made after the seconds if there were that "
                "many changes; \"\" for none.",
     .field = &Options::save,
     .check = CheckSavePoints,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "dbfilename",
     .type = OptionType::kText,
     .default_value = "dump.rkv",
     .is_protected = true,
     .summary = "File name of the snapshot in dir.",
     .field = &Options::dbfilename,
     .check = CheckFileName},
    {.name = "snapshot-compression-level",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 0,
     .most = 19,
     .changeable = true,
     .summary = "zstd level of snapshots: higher is smaller and slower; 0 disables compression.",
     .field = &Options::snapshot_compression_level,
     .apply = SetCompression},
    {.name = "snapshot-threads",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 64,
     .changeable = true,
     .summary = "Threads that make a snapshot; loading uses at least as many.",
     .field = &Options::snapshot_threads,
     .apply = SetCompression},
    {.name = "stop-writes-on-bgsave-error",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Refuses writes if there are save points and the last snapshot failed.",
     .field = &Options::stop_writes_on_bgsave_error,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "appendonly",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Logs every change.",
     .field = &Options::appendonly,
     .apply = [](DataKeeper& data, const Options&) { data.FitLog(); }},
    {.name = "appenddirname",
     .type = OptionType::kText,
     .default_value = "appendonlydir",
     .summary = "Directory of the log in dir.",
     .field = &Options::appenddirname,
     .check = CheckFileName},
    {.name = "appendfsync",
     .type = OptionType::kChoice,
     .default_value = "everysec",
     .choices = "everysec always no",
     .changeable = true,
     .summary = "When the log is synced. always: before a reply is sent; everysec: every second; no: by the operating "
                "system, and at 16 MB.",
     .field = &Options::appendfsync,
     .apply =
         [](storage::Durability& durability, const Options& options) {
           durability.SetSyncPolicy(static_cast<storage::SyncPolicy>(options.appendfsync.load()));
         }},
    {.name = "auto-aof-rewrite-percentage",
     .type = OptionType::kInteger,
     .default_value = "100",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Growth of the log since the last snapshot, in percent, at which a snapshot is made so that old log "
                "files can be deleted; 0 never.",
     .field = &Options::auto_aof_rewrite_percentage},
    {.name = "auto-aof-rewrite-min-size",
     .type = OptionType::kMemory,
     .default_value = "64mb",
     .changeable = true,
     .summary = "Minimum size of snapshot and log together for auto-aof-rewrite-percentage.",
     .field = &Options::auto_aof_rewrite_min_size},
    {.name = "log-file-size",
     .type = OptionType::kMemory,
     .default_value = "64mb",
     .least = 4096,
     .summary = "Bytes at which the next log file is begun.",
     .field = &Options::log_file_size},
    {.name = "log-buffer-limit",
     .type = OptionType::kMemory,
     .default_value = "64mb",
     .least = 1024 * 1024,
     .changeable = true,
     .summary = "Backpressure: bytes of changes that are not written to the log yet, above which writes wait.",
     .field = &Options::log_buffer_limit},
    {.name = "recover-up-to-damage",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary =
         "Starts with the last good state before damage in the log or the snapshot, and renames the damaged files.",
     .field = &Options::recover_up_to_damage},
    {.name = "aof-load-truncated",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Starts if a crash has left a torn tail in the log, which is cut off, or in the append-only file that "
                "load-aof names, which is left out; with no it stops the start.",
     .field = &Options::aof_load_truncated},
    {.name = "appendfilename",
     .type = OptionType::kText,
     .default_value = "appendonly.aof",
     .summary = "Name of the append-only file of Redis that load-aof looks for in its directory. The files of the log "
                "here are named after their first LSN.",
     .field = &Options::appendfilename,
     .check = CheckFileName},
    {.name = "load-file",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Text file with one \"<key> <value>\" line per key to load at the start.",
     .field = &Options::load_file},
    {.name = "load-file-strict",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .summary = "An invalid line in the load-file stops the start; with no it is skipped and counted.",
     .field = &Options::load_file_strict},
    {.name = "load-rdb",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "RDB file of Redis to load at the start, if there is no data yet.",
     .field = &Options::load_rdb},
    {.name = "load-aof",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Append-only file of Redis to load at the start, if there is no data yet: the directory of its files "
                "(appendonlydir), or a single file.",
     .field = &Options::load_aof},
};

}  // namespace

std::span<const OptionRow> PersistenceOptions() { return kPersistenceOptions; }

}  // namespace ringkv::server
