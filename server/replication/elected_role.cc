// SPDX-License-Identifier: MIT
// The role of this server when a coordinator decides it.
#include <utility>

#include "server/replication/replication.h"

namespace ringkv::server {

using storage::MutexLock;

void Replication::JoinAs(std::string id) { elected_id_ = std::move(id); }

void Replication::FollowElected(PrimaryAddress primary, uint64_t epoch) {
  MutexLock lock(role_mutex_);
  FollowFrom(std::move(primary), Takeover::kNone, epoch);
}

void Replication::CutOff() {
  MutexLock lock(role_mutex_);
  if (is_replica()) link_.Unfollow();
}

void Replication::BecomeElected(uint64_t epoch) {
  MutexLock lock(role_mutex_);
  if (is_replica()) return Promote(epoch);
  feeds_.CloseAll();  // since they acknowledged something, their nodes may have followed another primary
  UpdateQuorum();
  copy_.GoOnAsPrimary(epoch);
  parts_.log.Notice("this server is the primary again, epoch " + std::to_string(epoch));
}

void Replication::Require(std::vector<std::string> members) {
  {
    MutexLock lock(quorum_mutex_);
    if (required_ == members) return;
    required_ = std::move(members);
  }
  UpdateQuorum();
}

void Replication::SetLeaseEnd(int64_t steady_ms) {
  const bool was_fenced = is_fenced();
  lease_end_ = steady_ms;
  const bool is_fenced_now = is_fenced();
  if (((parts_.needs.Get() & kNeedsLease) != 0) != is_fenced_now) parts_.needs.Update();
  if (was_fenced && !is_fenced_now) parts_.links.ReleaseReplies();
}

void Replication::SetLacksMembers(bool lacks_members) {
  if (lacks_members_.exchange(lacks_members) != lacks_members) parts_.needs.Update();
}

}  // namespace ringkv::server
