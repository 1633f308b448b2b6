// SPDX-License-Identifier: MIT
// Loading, snapshots and the log.
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

using storage::SnapshotReason;

template <SnapshotReason kReason>
Reading IsSaving(const Observation& o) {
  return o.IsSaving(kReason);
}
template <SnapshotReason kReason>
Reading SecondsSaving(const Observation& o) {
  return o.IsSaving(kReason) ? (o.steady_ms - o.saving.started) / 1000 : int64_t{-1};
}

Reading IsRewriteScheduled(const Observation& o) {
  return Reading(o.saving.is_scheduled && o.saving.scheduled_reason == SnapshotReason::kLogRewrite);
}

bool IsLoading(const Observation& o) { return o.parts.data.is_loading(); }
uint64_t BytesToLoad(const Observation& o) { return o.parts.data.loading().progress.total_bytes; }
uint64_t BytesLoaded(const Observation& o) { return o.parts.data.loading().progress.loaded_bytes; }

// If it goes on as before; a second if that cannot be said yet, as in Redis.
int64_t SecondsToLoad(const Observation& o) {
  const uint64_t loaded = BytesLoaded(o);
  if (loaded == 0) return 1;
  const auto elapsed_ms = static_cast<double>(o.steady_ms - o.parts.data.loading().started_steady);
  const auto left = static_cast<double>(MemoryReport::Beyond(BytesToLoad(o), loaded));
  return static_cast<int64_t>(elapsed_ms * left / static_cast<double>(loaded) / 1000);
}

Reading OkOrErr(bool is_ok) { return is_ok ? "ok" : "err"; }

constexpr Metric kPersistenceMetrics[] = {
    {.section = "persistence",
     .info = "loading",
     .series = {"ringkv_loading", kGauge, "1 while the data is being loaded."},
     .read = [](const Observation& o) { return Reading(o.parts.data.is_loading()); }},
    {.section = "persistence",
     .info = "loading_start_time",
     .read = [](const Observation& o) { return Reading(o.parts.data.loading().started / 1000); },
     .is_shown = IsLoading},
    {.section = "persistence",
     .info = "loading_total_bytes",
     .read = [](const Observation& o) { return Reading(BytesToLoad(o)); },
     .is_shown = IsLoading},
    // Snapshots do not record how much memory their server used.
    {.section = "persistence", .info = "loading_rdb_used_mem", .read = Always<"0">, .is_shown = IsLoading},
    {.section = "persistence",
     .info = "loading_loaded_bytes",
     .read = [](const Observation& o) { return Reading(BytesLoaded(o)); },
     .is_shown = IsLoading},
    {.section = "persistence",
     .info = "loading_loaded_perc",
     .read = [](const Observation& o) { return Reading(100 * MemoryReport::Ratio(BytesLoaded(o), BytesToLoad(o)), 2); },
     .is_shown = IsLoading},
    {.section = "persistence",
     .info = "loading_eta_seconds",
     .read = [](const Observation& o) { return Reading(SecondsToLoad(o)); },
     .is_shown = IsLoading},
    {.section = "persistence",
     .info = "current_save_keys_processed",
     .read = [](const Observation& o) { return Reading(static_cast<uint64_t>(o.saving.progress * o.TotalKeys())); }},
    {.section = "persistence",
     .info = "current_save_keys_total",
     .read =
         [](const Observation& o) {
           return Reading(o.saving.is_running ? static_cast<uint64_t>(o.TotalKeys()) : uint64_t{0});
         }},
    {.section = "persistence",
     .info = "rdb_changes_since_last_save",
     .series = {"ringkv_snapshot_unsaved_changes", kGauge, "Changes since the last successful snapshot."},
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().ChangesSinceSave(o.txn)); }},
    {.section = "persistence", .info = "rdb_bgsave_in_progress", .read = IsSaving<SnapshotReason::kSave>},
    {.section = "persistence",
     .info = "rdb_last_save_time",
     .read = [](const Observation& o) { return Reading(o.saving.last_success / 1000); }},
    {.series = {"ringkv_snapshot_last_success_timestamp_seconds", kGauge,
                "Time of the last successful snapshot, or of the creation of the data set."},
     .read = [](const Observation& o) { return Reading(static_cast<double>(o.saving.last_success) / 1000, 3); }},
    {.section = "persistence",
     .info = "rdb_last_bgsave_status",
     .read = [](const Observation& o) { return OkOrErr(o.saving.last_ok); }},
    {.section = "persistence",
     .info = "rdb_last_bgsave_time_sec",
     .read = [](const Observation& o) { return Reading(o.saving.last_seconds); }},
    {.section = "persistence", .info = "rdb_current_bgsave_time_sec", .read = SecondsSaving<SnapshotReason::kSave>},
    {.section = "persistence",
     .info = "rdb_saves",
     .read = [](const Observation& o) { return Reading(o.saving.saves); }},
    {.section = "persistence",
     .info = "rdb_last_load_keys_loaded",
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().keys_loaded()); }},
    {.section = "persistence",
     .info = "aof_enabled",
     .series = {"ringkv_log_enabled", kGauge, "1 if changes are logged (appendonly)."},
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().wants_log()); }},
    {.section = "persistence",
     .info = "aof_rewrites_consecutive_failures",
     .read = [](const Observation& o) { return Reading(o.saving.rewrites_failed); }},
    {.section = "persistence", .info = "aof_rewrite_in_progress", .read = IsSaving<SnapshotReason::kLogRewrite>},
    {.section = "persistence", .info = "aof_rewrite_scheduled", .read = IsRewriteScheduled},
    {.section = "persistence",
     .info = "aof_last_rewrite_time_sec",
     .read = [](const Observation& o) { return Reading(o.saving.last_rewrite_seconds); }},
    {.section = "persistence",
     .info = "aof_current_rewrite_time_sec",
     .read = SecondsSaving<SnapshotReason::kLogRewrite>},
    {.section = "persistence",
     .info = "aof_last_bgrewrite_status",
     .read = [](const Observation& o) { return OkOrErr(o.saving.last_rewrite_ok); }},
    {.section = "persistence",
     .info = "aof_rewrites",
     .read = [](const Observation& o) { return Reading(o.saving.rewrites); }},
    {.section = "persistence",
     .info = "aof_last_write_status",
     .read = [](const Observation& o) { return OkOrErr(!o.parts.data.durability().log().has_failed()); }},
    {.section = "persistence",
     .info = "aof_current_size",
     .read =
         [](const Observation& o) {
           return Reading(o.saving.summary.file_bytes + o.parts.data.durability().LogBytesSinceSave());
         },
     .is_shown = HasLog},
    {.section = "persistence",
     .info = "aof_base_size",
     .series = {"ringkv_snapshot_last_size_bytes", kGauge, "Size of the last snapshot's file."},
     .read = [](const Observation& o) { return Reading(o.saving.summary.file_bytes); },
     .is_shown = HasLog},
    {.section = "persistence",
     .info = "aof_buffer_length",
     .series = {"ringkv_log_pending_bytes", kGauge, "Bytes of the log that are not written yet."},
     .read = [](const Observation& o) { return Reading(o.parts.data.store().log().pending_bytes()); },
     .is_shown = HasLog},
    {.section = "persistence", .info = "aof_pending_rewrite", .read = IsRewriteScheduled, .is_shown = HasLog},
    {.section = "persistence",
     .info = "log_lsn_appended",
     .series = {"ringkv_log_groups_appended_total", kCounter, "LSN of the last change."},
     .read = [](const Observation& o) { return Reading(o.parts.data.store().log().appended()); }},
    {.section = "persistence",
     .info = "log_lsn_durable",
     .series = {"ringkv_log_groups_durable_total", kCounter, "LSN of the last durable change."},
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().log().durable()); }},
    {.section = "persistence",
     .info = "log_syncs",
     .series = {"ringkv_log_syncs_total", kCounter, "Syncs of the log."},
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().log().syncs()); }},
    {.section = "persistence",
     .info = "log_failure",
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().log().failure()); }},
    {.series = {"ringkv_log_healthy", kGauge, "0 while the log is not writable and writes are refused."},
     .read = [](const Observation& o) { return Reading(!o.parts.data.durability().log().has_failed()); }},
    {.series = {"ringkv_log_behind_snapshot_bytes", kGauge, "Bytes of the log since the last successful snapshot."},
     .read = [](const Observation& o) { return Reading(o.parts.data.durability().LogBytesSinceSave()); }},
    {.series = {"ringkv_snapshot_running", kGauge, "1 while a snapshot is being made."},
     .read = [](const Observation& o) { return Reading(o.saving.is_running); }},
    {.series = {"ringkv_snapshot_last_success", kGauge, "1 if the last snapshot succeeded."},
     .read = [](const Observation& o) { return Reading(o.saving.last_ok && o.saving.last_rewrite_ok); }},
    {.series = {"ringkv_snapshots_total", kCounter, "Snapshots made."},
     .read = [](const Observation& o) { return Reading(o.saving.saves + o.saving.rewrites); }},
    {.section = "persistence",
     .info = "snapshot_age_seconds",
     .read = [](const Observation& o) { return Reading((o.steady_ms - o.saving.last_success_steady) / 1000); }},
    {.section = "persistence",
     .info = "snapshot_last_lsn",
     .read = [](const Observation& o) { return Reading(o.saving.summary.last); }},
    {.section = "persistence",
     .info = "snapshot_compression_ratio",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Ratio(o.saving.summary.raw_bytes, o.saving.summary.file_bytes), 2);
         }},
    {.section = "persistence",
     .info = "snapshot_failure",
     .read = [](const Observation& o) { return Reading(o.saving.failure); }},
};

}  // namespace

std::span<const Metric> PersistenceMetrics() { return kPersistenceMetrics; }

}  // namespace ringkv::server
