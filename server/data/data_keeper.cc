// SPDX-License-Identifier: MIT
#include "server/data/data_keeper.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/base/scheduling.h"
#include "server/base/text.h"
#include "server/config/save_points.h"
#include "server/process/cpu_list.h"
#include "storage/base/random.h"

namespace ringkv::server {
namespace {

// Of the scheduler, for the threads of the log and of snapshots: they have much to do at a time, beside busy clients.
constexpr std::chrono::microseconds kSlice{500};

storage::PrefixList PrefixesOf(const Options& options) {
  const std::string text = options.metrics_prefix.Get();
  const std::vector<std::string_view> words = Words(text);
  return storage::PrefixList({words.begin(), words.end()});
}

}  // namespace

DataKeeper::DataKeeper(const Options& options, const storage::Clock& clock, storage::FileSystem& files, Log& log,
                       UnmetNeeds& needs, ClientLinks& links, uint64_t hash_seed)
    : options_(options),
      clock_(clock),
      log_(log),
      needs_(needs),
      links_(links),
      store_({.databases = static_cast<storage::DbIndex>(options.databases.load()),
              .hash_seed = hash_seed,
              .by_slot = options.cluster_enabled != 0,
              .prefixes = PrefixesOf(options)},
             clock),
      durability_(store_, files, clock,
                  {.data = FilesOf(options), .log_file_bytes = static_cast<uint64_t>(options.log_file_size)}) {
  durability_.set_say(
      [this](bool is_warning, const std::string& line) { is_warning ? log_.Warning(line) : log_.Notice(line); });
  durability_.set_on_thread([this](storage::Durability::ThreadRole role) {
    RunOnProcessors(CpuListOf(role));
    RunInSlices(kSlice);
  });
  durability_.log().set_on_durable([this] {
    links_.ReleaseReplies();
    links_.ResumeWaiting();
  });
  durability_.log().set_on_health([this] { NoteLogHealth(); });
  needs.AddSource([this] { return Unmet(); });
}

std::string DataKeeper::CpuListOf(storage::Durability::ThreadRole role) const {
  switch (role) {
    case storage::Durability::ThreadRole::kLog: return options_.bio_cpulist.Get();
    case storage::Durability::ThreadRole::kSave: return options_.bgsave_cpulist.Get();
    case storage::Durability::ThreadRole::kLogRewrite: return options_.aof_rewrite_cpulist.Get();
  }
  return {};
}

void DataKeeper::NoteLogHealth() {
  storage::LogWriter& log = durability_.log();
  const std::string failure = log.failure();
  if (!failure.empty()) {
    log_.Warning("the log is not writable, writes are refused until it is: " + failure);
  } else {
    log_.Notice(log.is_open() ? "the log is writable again; writes are accepted"
                              : "the log, which was not writable, is closed; writes are accepted");
  }
  needs_.Update();
}

storage::DataFiles DataKeeper::FilesOf(const Options& options) {
  return {.directory = "", .snapshot_name = options.dbfilename.Get(), .log_directory = options.appenddirname.Get()};
}

// --- loading and replacing ------------------------------------------------------------------------------------------

void DataKeeper::BeginLoading() {
  loading_.started = clock_.Now();
  loading_.started_steady = clock_.SteadyMs();
  is_loading_ = true;
  needs_.Update();
}

storage::Status DataKeeper::Open(const storage::Durability::Fill& fill) {
  if (SavesAtEnd()) {
    if (storage::Status locked = durability_.LockDirectory(); !locked) return locked;
  }
  storage::RecoveryOptions recovery;
  recovery.loaded = &loading_.progress;
  recovery.up_to_damage = options_.recover_up_to_damage != 0;
  recovery.refuses_torn_tail = options_.aof_load_truncated == 0;
  recovery.threads =
      std::max<size_t>(static_cast<size_t>(options_.snapshot_threads), std::thread::hardware_concurrency());
  recovery.progress = [this](const std::string& line) { log_.Notice(line); };
  const int64_t start = clock_.SteadyMs();
  const auto say_recovered = [this, start] {
    const storage::RecoverySummary& found = durability_.recovery();
    if (found.snapshot.empty() && found.groups_replayed == 0) return;
    log_.Notice("loaded " + std::to_string(durability_.keys_loaded()) + " keys up to LSN " +
                std::to_string(found.last) + (found.snapshot.empty() ? "" : ", snapshot '" + found.snapshot + "'") +
                ", " + std::to_string(found.groups_replayed) + " groups of the log, in " +
                std::to_string(clock_.SteadyMs() - start) + " ms");
  };
  // What `fill` loads is told behind it.
  bool is_said = false;
  const auto then_fill = [&]() -> storage::Status {
    say_recovered();
    is_said = true;
    return fill();
  };
  if (storage::Status opened = durability_.Open(recovery, options_.appendonly != 0, then_fill); !opened) return opened;
  if (!is_said) say_recovered();
  return {};
}

void DataKeeper::NoteLoaded(uint64_t bytes, uint64_t total_bytes) {
  loading_.progress.total_bytes = total_bytes;
  loading_.progress.loaded_bytes = bytes;
}

void DataKeeper::EndLoading() {
  is_loading_ = false;
  FitLog();
  needs_.Update();
}

void DataKeeper::SetReplacing(bool replacing) {
  is_replacing_ = replacing;
  needs_.Update();
  on_replacing_(replacing);
}

// --- while it runs --------------------------------------------------------------------------------------------------

void DataKeeper::HastenLog() {
  if (durability_.log().policy() == storage::SyncPolicy::kNo) durability_.log().AskForSync();
  store_.log().Wake();
}

void DataKeeper::FitLog() {
  const bool wants_log = options_.appendonly != 0;
  if (!is_loading() && wants_log != durability_.wants_log()) durability_.SwitchLog(wants_log);
}

void DataKeeper::Tick() {
  if (is_replacing()) return;
  SaveIfEmptied();
  durability_.Tick();
  SaveIfDue();
  RewriteLogIfDue();
  WatchLogRoom();
}

bool DataKeeper::IsSnapshotDue() {
  constexpr int64_t kRetryAfterMs = 5000;
  const storage::Durability::SnapshotState state = durability_.snapshot_state();
  const int64_t now = clock_.SteadyMs();
  if (state.is_running || (!state.last_ok && now - state.last_attempt < kRetryAfterMs)) return false;
  const std::vector<SavePoint> points = ParseSavePoints(options_.save.Get()).value_or(std::vector<SavePoint>());
  if (points.empty()) return false;
  storage::Random random(1);
  storage::Txn txn(store_, clock_.Now(), random);
  txn.set_skips_held(true);  // the other jobs of this thread do not wait for a script
  const auto changes = static_cast<int64_t>(durability_.ChangesSinceSave(txn));
  return std::any_of(points.begin(), points.end(), [&](const SavePoint& point) {
    return changes > 0 && changes >= point.changes && now - state.last_success_steady > point.seconds * 1000;
  });
}

// As in Redis, a file of keys that FLUSHALL has deleted does not stay: a crash would bring them back.
void DataKeeper::SaveIfEmptied() {
  if (store_.TakeEmptied() && SavesAtEnd()) durability_.ScheduleSave(storage::SnapshotReason::kSave);
}

void DataKeeper::SaveIfDue() {
  if (!IsSnapshotDue()) return;
  log_.Notice("save point reached: saving in the background");
  durability_.StartSave(storage::SnapshotReason::kSave);
}

void DataKeeper::RewriteLogIfDue() {
  const storage::Durability::SnapshotState state = durability_.snapshot_state();
  const int64_t percentage = options_.auto_aof_rewrite_percentage;
  if (percentage <= 0 || !durability_.log().is_open() || state.is_running || !state.last_rewrite_ok) return;
  const uint64_t base = state.summary.file_bytes;
  const uint64_t behind = durability_.LogBytesSinceSave();
  if (base + behind < static_cast<uint64_t>(options_.auto_aof_rewrite_min_size)) return;
  if (behind * 100 < std::max<uint64_t>(base, 1) * static_cast<uint64_t>(percentage)) return;
  log_.Notice("the log has grown to " + std::to_string(behind) + " bytes: saving a snapshot in the background");
  durability_.StartSave(storage::SnapshotReason::kLogRewrite);
}

void DataKeeper::WatchLogRoom() {
  const size_t waiting = store_.log().pending_bytes();
  const auto limit = static_cast<size_t>(options_.log_buffer_limit);
  const bool was_full = log_is_full_;
  log_is_full_ = waiting > (was_full ? limit / 2 : limit);
  // Whether snapshots fail has changed without a word, if it has.
  needs_.Update();
  if (was_full && !log_is_full_) links_.ResumePaused();
}

bool DataKeeper::SnapshotsFail() {
  return options_.stop_writes_on_bgsave_error != 0 && SavesAtEnd() && !durability_.snapshot_state().last_ok;
}

uint32_t DataKeeper::Unmet() {
  uint32_t unmet = 0;
  if (is_loading() || is_replacing()) unmet |= kNeedsLoaded;
  if (log_is_full_) unmet |= kNeedsLogRoom;
  if (durability_.log().has_failed() || SnapshotsFail()) unmet |= kNeedsHealthyDisk;
  return unmet;
}

// --- the end --------------------------------------------------------------------------------------------------------

bool DataKeeper::NeedsSnapshotAtEnd(bool save) {
  return !durability_.log().is_open() && (save || durability_.wants_log());
}

storage::Status DataKeeper::SaveAtEnd(bool save) {
  // The snapshot that a log begins with is on its way: without it what is only in memory would be lost.
  save = save || (durability_.wants_log() && !durability_.log().is_open());
  if (!save || is_replacing() || is_loading()) return {};
  return durability_.SaveAtEnd();
}

storage::Status DataKeeper::Close() {
  storage::Status closed = durability_.Close();
  store_.reclaimer().Stop();
  return closed;
}

}  // namespace ringkv::server
