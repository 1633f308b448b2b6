// SPDX-License-Identifier: MIT
#include "storage/durability.h"

#include <pthread.h>

#include <chrono>
#include <vector>

#include "storage/allocator.h"
#include "storage/log/log_files.h"
#include "storage/snapshot/pace.h"

namespace ringkv::storage {
namespace {

constexpr auto kNap = std::chrono::milliseconds(100);
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
}

Durability::~Durability() { [[maybe_unused]] const Status ignored = Close(); }

void Durability::SetCompression(int level, size_t threads) {
  compression_level_.store(level, std::memory_order_relaxed);
  snapshot_threads_.store(threads, std::memory_order_relaxed);
}

Status Durability::LockDirectory() {
  MutexLock lock(mutex_);
  if (lock_ != nullptr) return {};
  Result<std::unique_ptr<FileLock>> taken = files_.Lock(options_.data.LockPath());
  if (!taken) return Fail("another server uses this directory: " + taken.error().text + "; give each its own --dir");
  lock_ = std::move(*taken);
  return {};
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
  keys_loaded_ = txn.CountKeys();
  changes_at_save_ = recovery_.groups_replayed > 0 ? 0 : txn.Changes();
  {
    MutexLock lock(mutex_);
    last_snapshot_ = recovery_.snapshot_last;
    if (!recovery_.snapshot.empty()) state_.last_success = recovery_.snapshot_created;
  }
  is_open_ = true;
  log_thread_ = std::thread([this] { RunLog(); });
  if (keys_loaded_ == 0) {
    const uint64_t changes = txn.Changes();
    if (Status filled = fill(); !filled) return filled;
    // The log begins behind a snapshot of that, which is there as a whole or not at all.
    if (with_log && txn.Changes() > changes) recovery_.needs_snapshot = true;
  }
  if (recovery_.needs_snapshot) {
    if (Status saved = Save(); !saved) return saved;
  }
  return with_log ? log_.Open() : Status();
}

Status Durability::Close() {
  if (!is_open_) return {};
  is_open_ = false;
  std::thread snapshot;
  {
    MutexLock lock(mutex_);
    snapshot.swap(snapshot_thread_);
  }
  if (snapshot.joinable()) snapshot.join();
  stopping_ = true;
  store_.log().Wake();
  log_thread_.join();
  const Status closed = log_.is_open() ? log_.Close() : Status();
  MutexLock lock(mutex_);
  lock_.reset();
  return closed;
}

void Durability::RunLog() {
  ::pthread_setname_np(::pthread_self(), "log");
  CountMemoryOfThisThread();
  while (!stopping_) {
    store_.log().WaitForWork(kNap);
    while (log_.Step()) {
    }
  }
}

void Durability::SwitchLog(bool on) {
  wants_log_ = on;
  if (on || !log_.is_open()) return;  // Tick begins the snapshot that it starts from
  if (Status closed = log_.Close(); !closed)
    say_(true, "the log was switched off and not all of it is safe: " + closed.error().text);
}

// --- another data set ------------------------------------------------------------------------------------------------

Status Durability::BeginReplacement() {
  is_replacing_ = true;
  JoinLastRun();
  while (snapshot_state().is_running) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // a SAVE ends soon
  return log_.is_open() ? log_.Close() : Status();
}

void Durability::EndReplacement(Lsn last, bool save) {
  files_follow_ = false;
  log_.StartAnew(store_.placement().seed, last);
  changes_at_save_ = 0;
  {
    MutexLock lock(mutex_);
    last_snapshot_ = 0;
    state_.last_rewrite_ok = true;
  }
  is_replacing_ = false;
  if (save && !wants_log()) ScheduleSave(SnapshotReason::kSave);
}

Status Durability::DropLog() {
  const Result<std::vector<LogFileName>> logs = ListLogFiles(files_, options_.data.log_directory);
  if (!logs) return tl::unexpected(logs.error());
  for (const LogFileName& log : *logs) {
    if (Status removed = files_.Remove(JoinPath(options_.data.log_directory, log.name)); !removed) return removed;
  }
  if (!files_.Exists(options_.data.PreviousPath())) return {};
  return files_.Remove(options_.data.PreviousPath());
}

// --- snapshots ------------------------------------------------------------------------------------------------------

bool Durability::BeginRun(SnapshotReason reason) {
  MutexLock lock(mutex_);
  if (state_.is_running || is_replacing_) return false;
  state_.is_running = true;
  state_.is_scheduled = false;
  state_.reason = reason;
  state_.started = clock_.Now();
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
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
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
  JoinLastRun();
  return Save();
}

bool Durability::StartSave(SnapshotReason reason) {
  if (!BeginRun(reason)) return false;
  JoinLastRun();
  MutexLock lock(mutex_);
  snapshot_thread_ = std::thread([this, reason] {
    ::pthread_setname_np(::pthread_self(), "snapshot");
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
  constexpr UnixMs kRetryAfter = 5000;
  bool due = false;
  SnapshotReason reason = SnapshotReason::kLogRewrite;
  {
    MutexLock lock(mutex_);
    const bool switches_on = wants_log() && !log_.is_open();
    const bool may_try = state_.last_rewrite_ok || clock_.Now() - state_.last_attempt >= kRetryAfter;
    if (state_.is_scheduled) reason = state_.scheduled_reason;
    due = !state_.is_running && (state_.is_scheduled || (switches_on && may_try));
  }
  if (due) StartSave(reason);
}

Status Durability::Run(SnapshotReason reason, bool is_background) {
  const UnixMs started = clock_.Now();
  const Result<SnapshotSummary> made = MakeSnapshot(is_background);
  NoteRun(reason, made, started);
  if (!made) return tl::unexpected(made.error());
  return {};
}

Result<SnapshotSummary> Durability::MakeSnapshot(bool is_background) {
  if (Status locked = LockDirectory(); !locked) return tl::unexpected(locked.error());
  const uint64_t changes_before = Changes();
  const uint64_t log_bytes_before = log_.bytes_written();
  SnapshotOptions options{.directory = options_.data.directory,
                          .name = options_.data.snapshot_name,
                          .name_of_previous = log_.is_open() ? options_.data.PreviousName() : "",
                          .compression_level = compression_level_.load(std::memory_order_relaxed)};
  SnapshotWriter writer(store_, log_, files_, clock_, options);
  if (Status begun = writer.Begin(); !begun) return tl::unexpected(begun.error());
  const auto work = [this, &writer, is_background] {
    SnapshotWriter::Worker worker(writer);
    Pace pace;
    while (!is_replacing_ && writer.Step(worker)) {
      progress_.store(writer.progress(), std::memory_order_relaxed);
      if (is_background) pace.Rest();
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
  if (is_replacing_) return Fail("another data set takes this one's place");
  // From here on nothing but the snapshot's own name may remind of another data set: together they make no sense.
  if (!files_follow_) {
    if (Status dropped = DropLog(); !dropped) return tl::unexpected(dropped.error());
  }
  // A log that was switched on begins while the snapshot still takes in all that happens: nothing falls between.
  const bool opens_log = wants_log() && !log_.is_open();
  if (opens_log) {
    if (Status opened = log_.Open(); !opened) return tl::unexpected(opened.error());
  }
  const Result<SnapshotSummary> made = writer.Finish();
  if (!made) {
    if (opens_log) [[maybe_unused]]
      const Status closed = log_.Close();
    return made;
  }
  files_follow_ = true;
  changes_at_save_ = changes_before;
  log_bytes_at_save_ = log_bytes_before;
  Lsn before = 0;
  {
    MutexLock lock(mutex_);
    before = last_snapshot_;
    last_snapshot_ = made->last;
  }
  if (Status dropped = DropWhatIsCovered(made->last, before); !dropped) say_(true, dropped.error().text);
  return made;
}

Status Durability::DropWhatIsCovered(Lsn last, Lsn before) {
  if (log_.is_open() && files_.Exists(options_.data.PreviousPath())) {
    return DropLogFiles(files_, options_.data.log_directory, before);
  }
  // Without a log nothing leads on from an older snapshot.
  if (!log_.is_open() && files_.Exists(options_.data.PreviousPath())) {
    if (Status removed = files_.Remove(options_.data.PreviousPath()); !removed) return removed;
  }
  return DropLogFiles(files_, options_.data.log_directory, last);
}

void Durability::NoteRun(SnapshotReason reason, const Result<SnapshotSummary>& result, UnixMs started) {
  const int64_t seconds = (clock_.Now() - started) / 1000;
  {
    MutexLock lock(mutex_);
    state_.is_running = false;
    if (!result && is_replacing_) return;  // given up, which is no failure
    bool& ok = reason == SnapshotReason::kSave ? state_.last_ok : state_.last_rewrite_ok;
    ok = result.has_value();
    state_.failure = ok ? "" : result.error().text;
    (reason == SnapshotReason::kSave ? state_.last_seconds : state_.last_rewrite_seconds) = seconds;
    if (result) {
      ++(reason == SnapshotReason::kSave ? state_.saves : state_.rewrites);
      state_.last_success = clock_.Now();
      state_.summary = *result;
    }
  }
  if (!result) {
    say_(true, "snapshot failed: " + result.error().text);
    return;
  }
  say_(false, "snapshot saved: " + std::to_string(result->keys) + " keys, " + std::to_string(result->file_bytes) +
                  " bytes, up to LSN " + std::to_string(result->last) + ", in " +
                  std::to_string(clock_.Now() - started) + " ms");
}

Durability::SnapshotState Durability::snapshot_state() {
  MutexLock lock(mutex_);
  SnapshotState state = state_;
  state.progress = state.is_running ? progress_.load(std::memory_order_relaxed) : 0;
  return state;
}

uint64_t Durability::Changes() {
  Random random(store_.placement().seed);
  return Txn(store_, clock_.Now(), random).Changes();
}

uint64_t Durability::ChangesSinceSave(Txn& txn) const {
  const uint64_t now = txn.Changes();
  const uint64_t then = changes_at_save_.load();
  return now > then ? now - then : 0;
}

uint64_t Durability::LogBytesSinceSave() const {
  return log_.bytes_written() - log_bytes_at_save_.load(std::memory_order_relaxed);
}

}  // namespace ringkv::storage
