// SPDX-License-Identifier: MIT
#include "server/replication/history_keeper.h"

#include <utility>

#include "storage/log/log_files.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

namespace {

std::string HistoryPath() { return "replication.history"; }

}  // namespace

HistoryKeeper::HistoryKeeper(const ReplicationParts& parts)
    : parts_(parts), files_(parts.world.files), history_(parts.world.chance.UniqueDigits()) {}

// --- the file -------------------------------------------------------------------------------------------------------

bool HistoryKeeper::Load(bool is_primary) {
  const bool is_known = files_.Exists(HistoryPath());
  MutexLock lock(mutex_);
  period_ = parts_.data.store().log().recording_periods();
  if (!is_known) return false;
  const storage::Result<std::string> text = storage::ReadWhole(files_, HistoryPath());
  storage::Result<cluster::History> read =
      text ? cluster::History::Parse(*text) : storage::Result<cluster::History>(tl::unexpected(text.error()));
  if (!read) {
    parts_.log.Warning("cannot use '" + HistoryPath() + "': " + read.error().text + "; replicas will need a snapshot");
    return true;
  }
  history_ = std::move(*read);
  epoch_ = history_.epoch();
  // LSNs after the recovered ones are assigned anew: a replica ahead of them has other changes.
  if (is_primary) history_.Fork(parts_.world.chance.UniqueDigits(), parts_.data.durability().recovery().last);
  is_unsaved_ = true;
  return true;
}

void HistoryKeeper::Save() {
  const bool keeps_data = parts_.options.appendonly != 0 || !parts_.options.save.Get().empty();
  std::string text;
  MutexLock save_lock(save_mutex_);
  {
    MutexLock lock(mutex_);
    if (!is_unsaved_ || !keeps_data || is_replacing_ || !parts_.data.durability().files_follow()) return;
    text = history_.Print();
    is_unsaved_ = false;
  }
  Status saved = parts_.data.durability().LockDirectory();
  if (saved) {
    const auto placed = storage::PlaceFile(files_, "", HistoryPath(), text, storage::OpenMode::kReplace);
    if (!placed) saved = tl::unexpected(placed.error());
  }
  if (saved) {
    has_said_unsaved_ = false;
    return;
  }
  MutexLock lock(mutex_);
  is_unsaved_ = true;
  if (std::exchange(has_said_unsaved_, true)) return;
  parts_.log.Warning("cannot save the history, which is tried again; after a restart replicas may need a snapshot: " +
                     saved.error().text);
}

void HistoryKeeper::RemoveFile() {
  if (!files_.Exists(HistoryPath())) return;
  Status removed = parts_.data.durability().LockDirectory();
  if (removed) removed = files_.Remove(HistoryPath());
  if (!removed) parts_.log.Warning(removed.error().text);
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

bool HistoryKeeper::Holds(std::string_view id, Lsn last) {
  MutexLock lock(mutex_);
  return history_.Holds(id, last, parts_.data.store().log().appended());
}

// --- changes --------------------------------------------------------------------------------------------------------

void HistoryKeeper::Begin() {
  MutexLock lock(mutex_);
  history_.Begin(parts_.world.chance.UniqueDigits());
  is_unsaved_ = true;
}

void HistoryKeeper::Fork() {
  MutexLock lock(mutex_);
  history_.Fork(parts_.world.chance.UniqueDigits(), parts_.data.store().log().appended());
  // In a cluster its topology says which epoch it is.
  if (!parts_.shard_place.is_enabled()) epoch_ = epoch_ + 1;
  history_.set_epoch(epoch_);
  is_unsaved_ = true;
}

void HistoryKeeper::Continue(const std::string& id, uint64_t epoch, Lsn last) {
  MutexLock lock(mutex_);
  if (id != history_.id()) {
    history_.Fork(id, last);
    is_unsaved_ = true;
  }
  epoch_ = epoch;
  history_.set_epoch(epoch);
}

void HistoryKeeper::Forget() {
  MutexLock lock(mutex_);
  history_.Begin(parts_.world.chance.UniqueDigits());
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
  period_ = parts_.data.store().log().recording_periods();
  is_unsaved_ = true;
  is_replacing_ = false;
}

void HistoryKeeper::RaiseEpoch(uint64_t epoch) {
  MutexLock lock(mutex_);
  if (epoch <= epoch_) return;
  epoch_ = epoch;
  history_.set_epoch(epoch);
}

void HistoryKeeper::NoteShared() {
  MutexLock lock(mutex_);
  is_unsaved_ = true;
}

void HistoryKeeper::NoteRecording(bool nothing_has_changed) {
  MutexLock lock(mutex_);
  const uint64_t period = parts_.data.store().log().recording_periods();
  if (std::exchange(period_, period) == period || nothing_has_changed) return;
  // Changes without a number lie between what others may have and this.
  history_.Begin(parts_.world.chance.UniqueDigits());
  is_unsaved_ = true;
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
