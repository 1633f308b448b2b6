// SPDX-License-Identifier: MIT
#include "server/replication/history_keeper.h"

#include <utility>

#include "storage/durability/recovery.h"
#include "storage/log/log_files.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

namespace {

std::string HistoryPath() { return storage::DataFiles::kHistoryName; }

}  // namespace

HistoryKeeper::HistoryKeeper(storage::FileSystem& files, storage::Chance& chance, DataSet& data)
    : files_(files), chance_(chance), data_(data), history_(chance.UniqueDigits()) {}

// --- the file -------------------------------------------------------------------------------------------------------

bool HistoryKeeper::Load(bool is_primary, Lsn last) {
  const bool is_known = files_.Exists(HistoryPath());
  MutexLock save_lock(save_mutex_);
  MutexLock lock(mutex_);
  period_ = data_.log().recording_periods();
  if (!is_known) return false;
  const storage::Result<std::string> text = storage::ReadWhole(files_, HistoryPath());
  storage::Result<cluster::History> read =
      text ? cluster::History::Parse(*text) : storage::Result<cluster::History>(tl::unexpected(text.error()));
  if (!read) {
    data_.Warn("cannot use '" + HistoryPath() + "': " + read.error().text + "; replicas will need a snapshot");
    return true;
  }
  history_ = std::move(*read);
  id_in_file_ = history_.id();
  epoch_ = history_.epoch();
  // LSNs after the recovered ones are assigned anew: a replica ahead of them has other changes.
  if (is_primary) history_.Fork(chance_.UniqueDigits(), last);
  is_unnamed_ = awaits_name_ = is_primary;
  is_unsaved_ = true;
  return true;
}

bool HistoryKeeper::Save() {
  std::string text;
  std::string id;
  uint64_t epoch = 0;
  MutexLock save_lock(save_mutex_);
  {
    MutexLock lock(mutex_);
    if (!is_unsaved_ || is_replacing_ || !data_.IsInFiles()) return true;
    text = history_.Print();
    id = history_.id();
    epoch = history_.epoch();
    is_unsaved_ = false;
  }
  const Status saved = Place(text);
  if (saved) {
    has_said_unsaved_ = false;
    id_in_file_ = id;
    MutexLock lock(mutex_);
    if (history_.id() == id && history_.epoch() == epoch) is_unnamed_ = awaits_name_ = false;
    return true;
  }
  // The caller has to know what follows; the next call tries again.
  if (id_in_file_ != id) [[maybe_unused]]
    const Status said = Remove();
  MutexLock lock(mutex_);
  is_unsaved_ = true;
  if (std::exchange(has_said_unsaved_, true)) return false;
  data_.Warn("cannot save the history, which is tried again; after a restart replicas may need a snapshot: " +
             saved.error().text);
  return false;
}

Status HistoryKeeper::Place(const std::string& text) {
  if (Status locked = data_.LockDirectory(); !locked) return locked;
  const auto placed = storage::PlaceFile(files_, "", HistoryPath(), text, storage::OpenMode::kReplace);
  return placed ? Status() : tl::unexpected(placed.error());
}

bool HistoryKeeper::IsNamed() {
  MutexLock lock(mutex_);
  return !is_unnamed_ || !data_.IsInFiles();
}

Status HistoryKeeper::RemoveFile() {
  MutexLock save_lock(save_mutex_);
  return Remove();
}

Status HistoryKeeper::Remove() {
  if (!files_.Exists(HistoryPath())) return {};
  Status removed = data_.LockDirectory();
  if (removed) removed = files_.Remove(HistoryPath());
  if (removed) removed = files_.SyncDirectory("");
  if (removed) {
    id_in_file_.clear();
  } else {
    data_.Warn(removed.error().text);
  }
  return removed;
}

// --- reading --------------------------------------------------------------------------------------------------------

std::string HistoryKeeper::id() {
  MutexLock lock(mutex_);
  return history_.id();
}

cluster::History HistoryKeeper::history() {
  MutexLock lock(mutex_);
  return history_;
}

std::optional<storage::Lsn> HistoryKeeper::EndOf(std::string_view id) {
  MutexLock lock(mutex_);
  return history_.EndOf(id);
}

bool HistoryKeeper::Holds(std::string_view id, Lsn last) {
  MutexLock lock(mutex_);
  return history_.Holds(id, last, data_.log().appended());
}

// --- changes --------------------------------------------------------------------------------------------------------

void HistoryKeeper::Begin() {
  MutexLock lock(mutex_);
  history_.Begin(chance_.UniqueDigits());
  awaits_name_ = true;
  NoteRenamed();
}

void HistoryKeeper::Fork() {
  MutexLock lock(mutex_);
  history_.Fork(chance_.UniqueDigits(), data_.log().appended());
  if (!data_.HasGivenEpochs()) epoch_ = epoch_ + 1;
  history_.set_epoch(epoch_);
  awaits_name_ = true;
  NoteRenamed();
}

void HistoryKeeper::Continue(const std::string& id, uint64_t epoch, Lsn last) {
  MutexLock lock(mutex_);
  if (id == history_.id() && epoch == epoch_) return;
  if (id != history_.id()) history_.Fork(id, last);
  NoteRenamed();
  epoch_ = epoch;
  history_.set_epoch(epoch);
}

void HistoryKeeper::Forget() {
  MutexLock lock(mutex_);
  history_.Begin(chance_.UniqueDigits());
  is_unnamed_ = true;
}

void HistoryKeeper::BeginReplacement() {
  is_replacing_ = true;
  Forget();
}

void HistoryKeeper::EndReplacement(const std::string& id, uint64_t epoch) {
  MutexLock lock(mutex_);
  history_.Begin(id);
  epoch_ = epoch;
  history_.set_epoch(epoch);
  period_ = data_.log().recording_periods();
  NoteRenamed();
  is_replacing_ = false;
}

void HistoryKeeper::RaiseEpoch(uint64_t epoch) {
  MutexLock lock(mutex_);
  if (epoch <= epoch_) return;
  epoch_ = epoch;
  history_.set_epoch(epoch);
  NoteRenamed();
}

void HistoryKeeper::NoteShared() {
  MutexLock lock(mutex_);
  is_unsaved_ = true;
}

void HistoryKeeper::NoteRecording(bool nothing_has_changed) {
  MutexLock lock(mutex_);
  const uint64_t period = data_.log().recording_periods();
  if (std::exchange(period_, period) == period || nothing_has_changed) return;
  // Changes without a number lie between what others may have and this.
  history_.Begin(chance_.UniqueDigits());
  NoteRenamed();
}

// --- members --------------------------------------------------------------------------------------------------------

uint64_t HistoryKeeper::CountMembers(uint64_t now) {
  MutexLock lock(mutex_);
  if (history_.members() < now) {
    history_.set_members(now);
    is_unsaved_ = true;
  }
  return history_.members();
}

void HistoryKeeper::ForgetMembers() {
  MutexLock lock(mutex_);
  if (history_.members() == 0) return;
  history_.set_members(0);
  is_unsaved_ = true;
}

}  // namespace ringkv::server
