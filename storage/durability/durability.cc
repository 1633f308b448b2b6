// SPDX-License-Identifier: MIT
#include "storage/durability/durability.h"

#include <pthread.h>

#include <chrono>
#include <vector>

#include "storage/base/allocator.h"
#include "storage/log/log_files.h"
#include "storage/snapshot/pace.h"
#include "storage/transaction/totals.h"

namespace ringkv::storage {
namespace {

constexpr auto kNap = std::chrono::milliseconds(100);
constexpr auto kMoment = std::chrono::milliseconds(1);
}  // namespace

Durability::Durability(Store& store, FileSystem& files, const Clock& clock, Options options)
    : store_(store),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      log_(store.log(), files, clock,
           {.directory = options_.data.log_directory,
            .hash_seed = store.placement().seed,
            .file_bytes = options_.log_file_bytes}) {
  MutexLock lock(mutex_);
  state_.last_success = clock.Now();
  state_.last_success_steady = clock.SteadyMs();
}

Durability::~Durability() { [[maybe_unused]] const Status ignored = Close(); }

void Durability::SetCompression(int level, size_t threads) {
  compression_level_.store(level, std::memory_order_relaxed);
  snapshot_threads_.store(threads, std::memory_order_relaxed);
}

Status Durability::LockDirectory() {
  MutexLock lock(mutex_);
  if (lock_ != nullptr) return {};
  Result<std::unique_ptr<FileLock>> taken = LockData(files_, options_.data);
  if (!taken) return tl::unexpected(taken.error());
  lock_ = std::move(*taken);
  return {};
}

void Durability::AdoptLock(std::unique_ptr<FileLock> lock) {
  MutexLock guard(mutex_);
  lock_ = std::move(lock);
}

// --- start and end --------------------------------------------------------------------------------------------------

Status Durability::Open(const RecoveryOptions& recovery_options, bool with_log, const Fill& fill) {
  wants_log_ = with_log;
  if (with_log) {
    if (Status locked = LockDirectory(); !locked) return locked;
  }
  Result<RecoverySummary> recovered = Recover(store_, files_, options_.data, recovery_options);
  if (!recovered) return tl::unexpected(recovered.error());
  recovery_ = std::move(*recovered);
  for (const std::string& warning : recovery_.warnings) say_(true, warning);
  if (recovery_.cut_bytes > 0) {
    say_(true, "the last log file '" + recovery_.cut_file + "' had a torn tail: cut " +
                   std::to_string(recovery_.cut_bytes) + " bytes off");
  }
  store_.log().StartBehind(recovery_.last);
  Random random(store_.placement().seed);
  Txn txn(store_, clock_.Now(), random);
  keys_loaded_ = CountKeys(txn);
  changes_at_save_ = recovery_.groups_replayed > 0 ? 0 : CountChanges(txn);
  {
    MutexLock lock(mutex_);
    last_snapshot_ = recovery_.snapshot_last;
    if (!recovery_.snapshot.empty()) state_.last_success = recovery_.snapshot_created;
  }
  is_open_ = true;
  if (options_.has_threads) log_thread_ = std::thread([this] { RunLog(); });
  if (keys_loaded_ == 0 && store_.libraries().empty()) {
    if (Status filled = fill(); !filled) return filled;
    // The log begins behind a snapshot of that, which is there as a whole or not at all.
    if (with_log && store_.log().has_unrecorded()) recovery_.needs_snapshot = true;
  }
  if (recovery_.needs_snapshot) {
    if (Status saved = Save(); !saved) return saved;
  }
  if (!with_log || log_.is_open()) return {};
  const Result<UnsafeTail> tail = ReadUnsafeTail(files_, options_.data, recovery_.last);
  if (!tail) return tl::unexpected(tail.error());
  if (Status synced = SyncNames(files_, options_.data); !synced) return synced;
  return log_.Open(tail->first, tail->frames);
}

Status Durability::Close() {
  if (!is_open_) return {};
  is_open_ = false;
  gives_up_background_ = true;
  std::thread snapshot;
  {
    MutexLock lock(mutex_);
    snapshot.swap(snapshot_thread_);
  }
  if (snapshot.joinable()) snapshot.join();
  stopping_ = true;
  store_.log().Wake();
  if (log_thread_.joinable()) log_thread_.join();
  Status closed = log_.is_open() ? log_.Close() : Status();
  MutexLock lock(mutex_);
  lock_.reset();
  return closed;
}

void Durability::RunLog() {
  ::pthread_setname_np(::pthread_self(), "log");
  on_thread_(ThreadRole::kLog);
  CountMemoryOfThisThread();
  while (!stopping_) {
    store_.log().WaitForWork(kNap);
    while (log_.Step()) {
    }
  }
}

void Durability::SwitchLog(bool on) {
  wants_log_ = on;
  AskForLog();
  if (!on && log_.is_open()) CloseLog();  // on: Tick begins the snapshot that the log continues
}

void Durability::AskForLog() {
  MutexLock lock(mutex_);
  ++times_asked_;
  next_switch_on_ = 0;
}

Durability::Promotion Durability::BecomeOwner() {
  LogBuffer& buffer = store_.log();
  // Leaves little to write under the locks, also if unrecorded changes come only now. An error occurs again there, and
  // is logged.
  [[maybe_unused]] const Status ignored = log_.Flush();
  Random random(store_.placement().seed);
  Txn txn(store_, clock_.Now(), random);
  txn.LockAll();
  const Promotion promotion{.last = buffer.appended(), .has_unrecorded = buffer.has_unrecorded()};
  if (promotion.has_unrecorded) {
    Status closed;
    {
      MutexLock lock(mutex_);
      ++gaps_;
      closed = log_.NumberUnrecorded();
    }
    if (!closed) SayUnsafe(closed.error());
  }
  store_.SetAuthority(Authority::kOwner);
  txn.Unlock();
  if (promotion.has_unrecorded) AskForLog();
  log_.Announce();
  return promotion;
}

void Durability::CloseLog() {
  if (Status closed = log_.Close(); !closed) SayUnsafe(closed.error());
}

void Durability::SayUnsafe(const Error& error) {
  say_(true, "the log was closed and is not completely durable: " + error.text);
}

// --- another data set ------------------------------------------------------------------------------------------------

Status Durability::BeginReplacement() {
  is_replacing_ = true;
  JoinLastRun();
  while (snapshot_state().is_running) std::this_thread::sleep_for(kMoment);  // a SAVE ends soon
  return log_.is_open() ? log_.Close() : Status();
}

void Durability::EndReplacement(Lsn last, bool save) {
  files_follow_ = false;
  ++gaps_;
  log_.StartAnew(store_.placement().seed, last);
  changes_at_save_ = 0;
  {
    MutexLock lock(mutex_);
    last_snapshot_ = 0;
    state_.last_rewrite_ok = true;
  }
  AskForLog();
  is_replacing_ = false;
  if (save && !wants_log()) ScheduleSave(SnapshotReason::kSave);
}

Status Durability::DropReplaced() {
  if (files_.Exists(options_.data.HistoryPath())) {
    if (Status removed = files_.Remove(options_.data.HistoryPath()); !removed) return removed;
    if (Status synced = files_.SyncDirectory(options_.data.directory); !synced) return synced;
  }
  const Result<std::vector<LogFileName>> logs = ListLogFiles(files_, options_.data.log_directory);
  if (!logs) return tl::unexpected(logs.error());
  // The newest first: what a crash leaves is an earlier state, and no log with a hole.
  for (auto log = logs->rbegin(); log != logs->rend(); ++log) {
    if (Status removed = files_.Remove(JoinPath(options_.data.log_directory, log->name)); !removed) return removed;
  }
  const std::string previous = options_.data.PreviousPath();
  if (!files_.Exists(previous)) return {};
  // It is the only one if the names could not all be changed. It stays until the new one replaces it, as any other.
  const std::string newest = options_.data.SnapshotPath();
  return files_.Exists(newest) ? files_.Remove(previous) : files_.Rename(previous, newest);
}

// --- snapshots ------------------------------------------------------------------------------------------------------

bool Durability::BeginRun(SnapshotReason reason, bool at_end) {
  MutexLock lock(mutex_);
  if (state_.is_running || is_replacing_ || (is_ending_ && !at_end)) return false;
  state_.is_running = true;
  state_.is_scheduled = false;
  state_.reason = reason;
  state_.started = clock_.SteadyMs();
  state_.last_attempt = state_.started;
  return true;
}

Status Durability::Save() {
  while (!BeginRun(SnapshotReason::kSave)) {
    {
      MutexLock lock(mutex_);
      const bool will_end = state_.is_running && state_.reason != SnapshotReason::kSave && !is_replacing_;
      if (!will_end) return Fail("Background save already in progress");
    }
    std::this_thread::sleep_for(kMoment);
  }
  return Run(SnapshotReason::kSave, false);
}

void Durability::JoinLastRun() {
  std::thread last;
  {
    MutexLock lock(mutex_);
    last.swap(snapshot_thread_);
  }
  if (last.joinable()) last.join();
}

Status Durability::SaveAtEnd() {
  {
    MutexLock lock(mutex_);
    is_ending_ = true;
  }
  gives_up_background_ = true;
  JoinLastRun();
  bool has_begun = false;
  while (!is_replacing_ && !(has_begun = BeginRun(SnapshotReason::kSave, true))) std::this_thread::sleep_for(kMoment);
  gives_up_background_ = false;
  Status saved = has_begun ? Run(SnapshotReason::kSave, false) : Status();
  MutexLock lock(mutex_);
  is_ending_ = false;
  return saved;
}

bool Durability::StartSave(SnapshotReason reason) {
  if (!BeginRun(reason)) return false;
  JoinLastRun();
  if (!options_.has_threads) {
    [[maybe_unused]] const Status noted = Run(reason, true);
    return true;
  }
  MutexLock lock(mutex_);
  snapshot_thread_ = std::thread([this, reason] {
    ::pthread_setname_np(::pthread_self(), "snapshot");
    on_thread_(reason == SnapshotReason::kSave ? ThreadRole::kSave : ThreadRole::kLogRewrite);
    CountMemoryOfThisThread();
    [[maybe_unused]] const Status noted = Run(reason, true);
  });
  return true;
}

void Durability::ScheduleSave(SnapshotReason reason) {
  MutexLock lock(mutex_);
  state_.is_scheduled = true;
  state_.scheduled_reason = reason;
}

void Durability::Tick() {
  // It was switched off while it began.
  if (!wants_log() && log_.is_open()) CloseLog();
  bool due = false;
  SnapshotReason reason = SnapshotReason::kLogRewrite;
  {
    MutexLock lock(mutex_);
    const bool switches_on = wants_log() && !log_.is_open();
    const bool may_try = clock_.SteadyMs() >= next_switch_on_;
    if (state_.is_scheduled) reason = state_.scheduled_reason;
    due = !state_.is_running && (state_.is_scheduled || (switches_on && may_try));
  }
  if (due) StartSave(reason);
}

Status Durability::Run(SnapshotReason reason, bool is_background) {
  constexpr int64_t kRetryAfterMs = 5000;
  const int64_t started = clock_.SteadyMs();
  uint64_t asked = 0;
  {
    MutexLock lock(mutex_);
    asked = times_asked_;
  }
  Result<SnapshotSummary> made = MakeSnapshot(is_background);
  while (!made && made.error().kind == ErrorKind::kOvertaken) made = MakeSnapshot(is_background);
  // A request for the log during the run is served without a pause.
  if (wants_log() && !log_.is_open()) {
    MutexLock lock(mutex_);
    if (times_asked_ == asked) next_switch_on_ = clock_.SteadyMs() + kRetryAfterMs;
  }
  NoteRun(reason, made, started, is_background);
  if (!made) return tl::unexpected(made.error());
  return {};
}

Result<SnapshotSummary> Durability::MakeSnapshot(bool is_background) {
  if (Status locked = LockDirectory(); !locked) return tl::unexpected(locked.error());
  const uint64_t changes_before = Changes();
  const uint64_t log_bytes_before = log_.bytes_written();
  SnapshotOptions options{.directory = options_.data.directory,
                          .name = options_.data.snapshot_name,
                          .name_of_previous = NameOfPrevious(),
                          .compression_level = compression_level_.load(std::memory_order_relaxed)};
  SnapshotWriter writer(store_, log_, files_, clock_, options);
  if (Status begun = writer.Begin(); !begun) return tl::unexpected(begun.error());
  CopyAll(writer, is_background);
  if (is_replacing_) return Fail("the data set is being replaced");
  if (IsGivenUp(is_background)) return Fail("the server is shutting down");
  // From here on nothing but the snapshot's own name may remind of another data set: together they make no sense.
  if (!files_follow_) {
    if (Status dropped = DropReplaced(); !dropped) return tl::unexpected(dropped.error());
  }
  // Removed files must not reappear beside this snapshot after a crash of the process that removed them: their
  // numbers may have been given out anew.
  if (files_.Exists(options_.data.log_directory)) {
    if (Status synced = files_.SyncDirectory(options_.data.log_directory); !synced) {
      return tl::unexpected(synced.error());
    }
  }
  Result<SnapshotSummary> made = Finish(writer);
  if (!made) return made;
  changes_at_save_ = changes_before;
  log_bytes_at_save_ = log_bytes_before;
  return made;
}

void Durability::CopyAll(SnapshotWriter& writer, bool is_background) {
  const auto work = [this, &writer, is_background] {
    SnapshotWriter::Worker worker(writer);
    Pace pace;
    while (!IsGivenUp(is_background) && writer.Step(worker)) {
      progress_.store(writer.progress(), std::memory_order_relaxed);
      if (const auto line = writer.ProgressLine()) say_(false, *line);
      if (is_background && options_.has_threads) pace.Rest();
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < snapshot_threads_.load(std::memory_order_relaxed); ++i) {
    others.emplace_back([&work] {
      CountMemoryOfThisThread();
      work();
    });
  }
  work();
  for (std::thread& other : others) other.join();
}

Result<SnapshotSummary> Durability::Finish(SnapshotWriter& writer) {
  // A log that begins behind this snapshot holds its frames back while the snapshot still takes in all that happens,
  // so nothing falls between; it gets its file when the snapshot is safe, so no crash leaves a log without what it
  // continues.
  uint64_t gaps = 0;
  {
    MutexLock lock(mutex_);
    gaps = gaps_;
  }
  const bool begins_log = wants_log() && !log_.is_open();
  if (begins_log) log_.BeginHeld();
  Result<SnapshotSummary> made = writer.Finish();
  if (!made) {
    if (begins_log) log_.DropHeld();
    return made;
  }
  files_follow_ = true;
  if (Status aside = SetDamagedAside(); !aside) {
    if (begins_log) log_.DropHeld();
    return tl::unexpected(aside.error());
  }
  Lsn before = 0;
  {
    MutexLock lock(mutex_);
    before = last_snapshot_;
    last_snapshot_ = made->last;
  }
  // Not those that came since: they may have closed a log that was open above.
  const bool awaits_no_log = begins_log ? BeginLogBehindSnapshot() : !wants_log();
  if (awaits_no_log) gaps_closed_ = gaps;
  if (Status dropped = DropWhatIsCovered(made->last, before, begins_log); !dropped) say_(true, dropped.error().text);
  return made;
}

std::string Durability::NameOfPrevious() const {
  if (recovery_.snapshot_is_damaged) return DataFiles::DamagedName(options_.data.snapshot_name);
  return log_.is_open() ? options_.data.PreviousName() : "";
}

Status Durability::SetDamagedAside() {
  recovery_.snapshot_is_damaged = false;
  if (recovery_.damaged_logs.empty()) return {};
  Status aside = SetAside(files_, options_.data.log_directory, recovery_.damaged_logs);
  if (aside) recovery_.damaged_logs.clear();
  return aside;
}

bool Durability::BeginLogBehindSnapshot() {
  if (!wants_log()) {  // by now
    log_.DropHeld();
    return true;
  }
  const Status opened = log_.OpenHeld();
  if (!opened) say_(true, "the log could not be enabled, which will be retried: " + opened.error().text);
  return opened.has_value();
}

Status Durability::DropWhatIsCovered(Lsn last, Lsn before, bool log_begins) {
  const bool has_previous = files_.Exists(options_.data.PreviousPath());
  const bool leads_on = log_.is_open() && !log_begins;  // from the snapshot before this one
  if (leads_on && has_previous) return DropLogFiles(files_, options_.data.log_directory, before);
  if (has_previous && !leads_on) {
    if (Status removed = files_.Remove(options_.data.PreviousPath()); !removed) return removed;
  }
  return DropLogFiles(files_, options_.data.log_directory, last);
}

void Durability::NoteRun(SnapshotReason reason, const Result<SnapshotSummary>& result, int64_t started,
                         bool is_background) {
  const int64_t took_ms = clock_.SteadyMs() - started;
  const int64_t seconds = took_ms / 1000;
  {
    MutexLock lock(mutex_);
    state_.is_running = false;
    if (!result && IsGivenUp(is_background)) return;  // which is no failure
    // Any snapshot that succeeds shows that snapshots work again. A failure of one in the foreground is told to its
    // caller, and nothing else changes, as in Redis: a server that could not save when it was told to end goes on.
    if (result) {
      state_.last_ok = true;
      state_.last_rewrite_ok = true;
      state_.rewrites_failed = 0;
    } else if (is_background) {
      if (reason == SnapshotReason::kLogRewrite) ++state_.rewrites_failed;
      (reason == SnapshotReason::kSave ? state_.last_ok : state_.last_rewrite_ok) = false;
    }
    state_.failure = result ? "" : result.error().text;
    (reason == SnapshotReason::kSave ? state_.last_seconds : state_.last_rewrite_seconds) = seconds;
    if (result) {
      ++(reason == SnapshotReason::kSave ? state_.saves : state_.rewrites);
      state_.last_success = clock_.Now();
      state_.last_success_steady = clock_.SteadyMs();
      state_.summary = *result;
    }
  }
  if (!result) {
    say_(true, "snapshot failed: " + result.error().text);
    return;
  }
  say_(false, "snapshot saved: " + std::to_string(result->keys) + " keys, " + std::to_string(result->file_bytes) +
                  " bytes, up to LSN " + std::to_string(result->last) + ", in " + std::to_string(took_ms) + " ms");
}

Durability::SnapshotState Durability::snapshot_state() {
  MutexLock lock(mutex_);
  SnapshotState state = state_;
  state.progress = state.is_running ? progress_.load(std::memory_order_relaxed) : 0;
  return state;
}

uint64_t Durability::Changes() {
  Random random(store_.placement().seed);
  Txn txn(store_, clock_.Now(), random);
  return CountChanges(txn);
}

uint64_t Durability::ChangesSinceSave(Txn& txn) const {
  const uint64_t now = CountChanges(txn);
  const uint64_t then = changes_at_save_.load();
  return now > then ? now - then : 0;
}

uint64_t Durability::LogBytesSinceSave() const {
  return log_.bytes_written() - log_bytes_at_save_.load(std::memory_order_relaxed);
}

}  // namespace ringkv::storage
