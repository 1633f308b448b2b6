// SPDX-License-Identifier: MIT
#include "cluster/replication/shard_copy.h"

namespace ringkv::cluster {

using storage::Fail;
using storage::Lsn;
using storage::Result;
using storage::Status;

void ShardCopy::Start(bool is_primary, Lsn last, bool has_more) {
  if (history_.Load(is_primary, last)) NumberChanges(!has_more);
}

void ShardCopy::NumberChanges() { NumberChanges(false); }

void ShardCopy::NumberChanges(bool nothing_has_changed) {
  if (data_.KeepBacklog()) history_.NoteShared();
  history_.NoteRecording(nothing_has_changed);
}

// --- roles ----------------------------------------------------------------------------------------------------------

void ShardCopy::BecomeFollower() {
  data_.BecomeFollower();
  NumberChanges();
}

bool ShardCopy::BecomePrimary(uint64_t epoch) {
  const bool was_whole = is_whole();
  if (!was_whole) data_.Clear();
  // A snapshot that ended before it had replaced anything leaves the data as it was, behind files that are closed.
  if (history_.is_replacing()) EndSnapshot(history_.id(), history_.epoch(), was_whole ? data_.appended() : 0);
  history_.RaiseEpoch(epoch);
  history_.Fork();
  // Before the first change that does not belong to the old one.
  if (!history_.Save() && !history_.RemoveFile()) LeaveFiles();
  if (data_.BecomeOwner()) history_.Begin();
  data_.ShowPrimary();
  history_.Save();
  return was_whole;
}

// They name a history, and nothing that does not belong to it may come to be in them: they stay as they are until a
// snapshot has replaced them, and their name.
void ShardCopy::LeaveFiles() {
  [[maybe_unused]] const Status closed = data_.BeginReplacement();  // and if not as a whole, up to an earlier group
  data_.EndReplacement(data_.appended());
  data_.ShowWhole();
}

void ShardCopy::GoOnAsPrimary(uint64_t epoch) {
  history_.RaiseEpoch(epoch);
  history_.Save();
}

Status ShardCopy::CheckTakeover(const TakeoverRequest& request, bool is_replica) {
  const History own = history_.history();
  if (!is_replica) {
    // The reply to an earlier request may have been lost.
    const bool has_taken_over = !own.earlier().empty() && own.earlier().back().id == request.history;
    return has_taken_over ? Status() : Fail("ERR PSYNC FAILOVER can't be sent to a master.");
  }
  if (request.history != own.id()) return Fail("ERR PSYNC FAILOVER replid must match my replid.");
  if (!request.anyway && data_.appended() + 1 < request.next) {
    return Fail("ERR this replica has no group " + std::to_string(request.next - 1) + " yet");
  }
  return {};
}

// --- while it follows -----------------------------------------------------------------------------------------------

Result<ShardCopy::Applied> ShardCopy::Resume(const std::string& history, uint64_t epoch, Lsn last) {
  const Applied applied = data_.ResumeBehind(last);
  history_.Continue(history, epoch, last);
  // Before the first change that does not belong to the history of the file.
  if (!history_.Save()) {
    if (Status removed = history_.RemoveFile(); !removed) return tl::unexpected(removed.error());
  }
  return applied;
}

Status ShardCopy::BeginSnapshot(std::string_view header) {
  history_.BeginReplacement();
  if (Status begun = data_.BeginReplacement(); !begun) return begun;
  if (Status begun = data_.BeginSnapshot(header); !begun) return begun;
  is_whole_ = false;
  return {};
}

void ShardCopy::EndSnapshot(const std::string& history, uint64_t epoch, Lsn last) {
  // Until the new data set is in the files, they must not be taken for a part of its history. If the file cannot be
  // removed now, that is tried again before the files of the new data set are complete.
  [[maybe_unused]] const Status said = history_.RemoveFile();
  data_.EndReplacement(last);
  history_.EndReplacement(history, epoch);
  is_whole_ = true;
  data_.ShowWhole();
}

}  // namespace ringkv::cluster
