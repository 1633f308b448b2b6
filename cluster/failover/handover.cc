// SPDX-License-Identifier: MIT
// A planned change of the primary. The primary asks its heir by a key, the heir answers with a lease, and the primary
// puts the lead on it: nobody's lease has to run out.
#include <utility>

#include "cluster/failover/shard_member.h"

namespace ringkv::cluster {

// --- the primary ----------------------------------------------------------------------------------------------------

void ShardMember::HandOverTo(std::string heir, int64_t now) {
  constexpr int64_t kPatienceMs = 2000;
  if (role_ != Role::kPrimary) return;
  heir_ = std::move(heir);
  heir_until_ = now + kPatienceMs;
}

void ShardMember::GoOnHandingOver(int64_t now) {
  const bool is_possible = heir_ && now < heir_until_ && IsAmong(view_.record()->in_sync, *heir_);
  if (!is_possible) heir_.reset();
  const std::string key = keys_.handover();
  const std::optional<Handover>& asked = view_.handover();
  if (heir_ && asked && asked->heir == *heir_) {
    WakeAt(heir_until_);
    if (!asked->is_ready) return;
    // Before anybody can hear of it.
    is_lead_in_doubt_ = true;
    return Commit(HandoverTo(*asked), now);
  }
  if (!heir_ && view_.RevisionOf(key) == 0) return;
  CommitKeys commit = OnLead();
  commit.conditions.push_back({key, view_.RevisionOf(key)});
  if (heir_) {
    commit.puts.push_back({key, Print(Handover{.heir = *heir_, .after = view_.record()->epoch}), lease_.id()});
  } else {
    commit.deletes.push_back(key);
  }
  Commit(std::move(commit), now);
}

CommitKeys ShardMember::HandoverTo(const Handover& ready) const {
  const std::string key = keys_.handover();
  CommitKeys commit = OnLead();
  commit.conditions.push_back({key, view_.RevisionOf(key)});
  BeginEpoch(*view_.record(), &commit, {.id = ready.heir, .host = ready.host, .port = ready.port}, view_.LeaseOf(key));
  commit.deletes.push_back(key);
  return commit;
}

// --- the heir -------------------------------------------------------------------------------------------------------

bool ShardMember::IsHeir() const {
  // One that loads a snapshot has nothing until it has all of it.
  return view_.handover() && view_.handover()->heir == config_.id && IsInSync() && node_.copy().is_intact;
}

void ShardMember::AcceptHandover(int64_t now) {
  // From here on it drops nothing of what it has.
  if (followed_) node_.CutOff();
  if (std::exchange(followed_, std::nullopt) && !IsHeir()) return;
  lease_.Want();
  const std::string key = keys_.handover();
  if (lease_.id() == 0 || view_.LeaseOf(key) == lease_.id()) return;
  CommitKeys commit = OnLead();
  commit.conditions.push_back({key, view_.RevisionOf(key)});
  const Handover ready{config_.id, view_.record()->epoch, true, config_.host, config_.port};
  commit.puts.push_back({key, Print(ready), lease_.id()});
  Commit(std::move(commit), now);
}

}  // namespace ringkv::cluster
