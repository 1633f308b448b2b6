// SPDX-License-Identifier: MIT
// The role of this server when a coordinator decides it.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "server/replication/replication.h"

namespace ringkv::server {

using storage::MutexLock;

void Replication::JoinAs(std::string id, std::function<void()> wake) {
  elected_id_ = std::move(id);
  wake_coordinator_ = std::move(wake);
}

void Replication::FollowElected(PrimaryAddress primary, uint64_t epoch) {
  {
    MutexLock lock(role_mutex_);
    FollowFrom(std::move(primary), Takeover::kNone, epoch);
  }
  failover_.Complete();
}

void Replication::CutOff() {
  MutexLock lock(role_mutex_);
  if (is_replica()) link_.Unfollow();
}

void Replication::BecomeElected(uint64_t epoch) {
  ++elections_won_;
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

void Replication::SetShownTerm(uint32_t term) {
  const bool was_fenced = is_fenced();
  if (shown_term_.exchange(term) == term) return;
  parts_.needs.Update();
  if (was_fenced && !is_fenced()) parts_.links.ReleaseReplies();
}

void Replication::SetInSync(size_t members, bool lacks_members) {
  in_sync_ = members;
  if (lacks_members_.exchange(lacks_members) != lacks_members) parts_.needs.Update();
}

void Replication::SetShrinking(bool is_shrinking) {
  if (is_shrinking_.exchange(is_shrinking) == is_shrinking) return;
  if (!is_shrinking) return parts_.pause.End(PausePurpose::kLag);
  if (parts_.options.repl_ack != 0) return;
  // Until the lease has ended at the latest, or etcd has agreed.
  const int64_t until = parts_.world.clock.SteadyMs() + parts_.options.coordinator_ttl * 1000;
  parts_.pause.Begin(PausePurpose::kLag, PauseMode::kWrites, until);
}

void Replication::SetElectable(bool is_answered, size_t heirs) {
  is_coordinator_there_ = is_answered;
  heirs_ = heirs;
}

Replication::Election Replication::election() const {
  const int64_t end = lease_end_;
  const int64_t rest = is_elected_ ? end - parts_.world.clock.SteadyMs() : 0;
  return {std::max<int64_t>(rest, 0), in_sync_, elections_won_, coordinator_failures_, is_coordinator_there_, heirs_};
}

// --- a planned change of the primary --------------------------------------------------------------------------------

std::optional<std::string> Replication::heir() {
  MutexLock lock(heir_mutex_);
  return heir_;
}

void Replication::HandOver(PrimaryAddress heir, Takeover takeover) {
  if (!is_elected_) return Follow(std::move(heir), takeover);
  std::string member;
  for (const ReplicaStatus& each : feeds_.replicas()) {
    if (each.host == heir.host && each.port == heir.port) member = each.member;
  }
  {
    MutexLock lock(heir_mutex_);
    heir_ = std::move(member);
  }
  wake_coordinator_();
}

void Replication::TakeBack() {
  if (!is_elected_) return StopFollowing();
  {
    MutexLock lock(heir_mutex_);
    heir_.reset();
  }
  wake_coordinator_();
  Unfreeze();
}

void Replication::EndHandover() {
  {
    MutexLock lock(heir_mutex_);
    heir_.reset();
  }
  failover_.GiveUp("etcd or the replica did not answer in time, or it is not in the in-sync set");
}

}  // namespace ringkv::server
