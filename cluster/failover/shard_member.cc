// SPDX-License-Identifier: MIT
#include "cluster/failover/shard_member.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cluster/failover/cluster_topology.h"

namespace ringkv::cluster {
namespace {

constexpr int64_t kTryAgainMs = 100;
// How long an election waits for members that have not stood yet, and then for each candidate that is better.
constexpr int64_t kTurnMs = 250;
constexpr int64_t kPaceMs = 100;  // how often a primary looks at its members

// The better one comes first.
auto RankOf(const std::string& id, const Candidate& candidate) {
  return std::make_tuple(!candidate.is_intact, ~candidate.epoch, ~candidate.last, id);
}

}  // namespace

ShardMember::ShardMember(Config config, Node& node)
    : config_(std::move(config)),
      keys_(config_.cluster, config_.shard),
      cluster_keys_(config_.cluster),
      node_(node),
      view_(keys_),
      lease_(config_.ttl_seconds),
      in_sync_(config_.id, config_.limits) {}

// --- calls ----------------------------------------------------------------------------------------------------------

std::optional<EtcdCall> ShardMember::NextCall(int64_t now) {
  if (lease_call_ == 0) {
    if (std::optional<EtcdRequest> question = lease_.Next(now)) {
      lease_call_ = ++last_number_;
      return EtcdCall{lease_call_, std::move(*question)};
    }
  }
  if (is_leaving_) return std::nullopt;
  if (!view_.is_known() && read_call_ == 0 && now >= read_at_) {
    read_call_ = ++last_number_;
    return EtcdCall{read_call_, ReadKeys{watched()}};
  }
  if (view_.is_known() && watch_call_ == 0) {
    watch_call_ = ++last_number_;
    return EtcdCall{watch_call_, WatchKeys{watched(), view_.revision() + 1}};
  }
  if (commit_ && !std::exchange(is_commit_sent_, true)) {
    commit_call_ = ++last_number_;
    return EtcdCall{commit_call_, *commit_};
  }
  return std::nullopt;
}

void ShardMember::Take(uint64_t number, const EtcdAnswer& answer, int64_t now) {
  if (number == lease_call_) {
    lease_call_ = 0;
    lease_.Take(answer, now);
  } else if (number == read_call_) {
    read_call_ = 0;
    TakeRead(answer, now);
  } else if (number == watch_call_) {
    TakeWatch(answer, now);
  } else if (number == commit_call_) {
    commit_call_ = 0;
    TakeCommit(answer, now);
  } else {
    return;  // of a watch that was replaced
  }
  Work(now);
}

void ShardMember::ReadAgain(int64_t now, int64_t after_ms) {
  view_.Forget();
  watch_call_ = 0;
  read_at_ = now + after_ms;
}

void ShardMember::TakeRead(const EtcdAnswer& answer, int64_t now) {
  if (answer.outcome != EtcdAnswer::Outcome::kDone) return ReadAgain(now, kTryAgainMs);
  view_.Reset(answer.keys, answer.revision);
}

void ShardMember::TakeWatch(const EtcdAnswer& answer, int64_t now) {
  if (answer.outcome != EtcdAnswer::Outcome::kDone) return ReadAgain(now, kTryAgainMs);
  view_.Apply(answer.keys, answer.revision);
}

void ShardMember::TakeCommit(const EtcdAnswer& answer, int64_t now) {
  // A hand-over that was refused stays in doubt: the transport may have asked twice, and the first time it was done.
  const CommitKeys commit = std::move(*std::exchange(commit_, std::nullopt));
  if (answer.outcome == EtcdAnswer::Outcome::kDone) {
    if (view_.is_known()) view_.Apply(commit, answer.revision);
    return;
  }
  // What is known here is old, or what has come of it is unknown.
  commit_at_ = now + kTryAgainMs;
  ReadAgain(now, 0);
}

void ShardMember::Commit(CommitKeys commit, int64_t now) {
  if (commit_) return;
  if (now < commit_at_) return WakeAt(commit_at_);
  commit_ = std::move(commit);
  is_commit_sent_ = false;
}

// Conditions: the shard is as it is known here.
CommitKeys ShardMember::OnRecord() const {
  return {.conditions = {{keys_.record(), view_.RevisionOf(keys_.record())}}};
}

CommitKeys ShardMember::OnLead() const {
  CommitKeys commit = OnRecord();
  commit.conditions.push_back({keys_.lead(), view_.RevisionOf(keys_.lead())});
  return commit;
}

// --- what is due ----------------------------------------------------------------------------------------------------

void ShardMember::Work(int64_t now) {
  wake_at_ = INT64_MAX;
  if (is_leaving_) return WakeAt(lease_.wake_at());
  if (view_.is_known()) {
    Decide(now);
  } else {
    WakeAt(read_at_);
    if (role_ == Role::kPrimary && lease_.id() == 0) role_ = Role::kWaiting;
  }
  if (role_ == Role::kPrimary) {
    in_sync_.Update(node_.acks(), node_.appended(), view_.record() ? view_.record()->members : in_sync_.confirmed(),
                    now);
    WakeAt(now + kPaceMs);
  }
  WakeAt(lease_.wake_at());
}

void ShardMember::Leave() {
  is_leaving_ = true;
  role_ = Role::kWaiting;
  lease_.Drop();
}

bool ShardMember::IsInSync() const { return view_.record() && IsAmong(view_.record()->in_sync, config_.id); }

size_t ShardMember::CountHeirs() const {
  if (!view_.record()) return 0;
  const ShardRecord& record = *view_.record();
  return record.in_sync.size() - (IsAmong(record.in_sync, record.primary) ? 1 : 0);
}

void ShardMember::Decide(int64_t now) {
  const std::optional<Lead>& lead = view_.lead();
  if (!lead || !view_.record()) return BeLeaderless(now);
  if (lead->id != config_.id) return BeFollower(*lead, now);
  if (lease_.id() != 0 && view_.LeaseOf(keys_.lead()) == lease_.id()) return BePrimary(now);
  BeLeaderless(now);
}

void ShardMember::BePrimary(int64_t now) {
  leaderless_since_.reset();
  followed_.reset();
  stood_with_.reset();
  const ShardRecord& record = *view_.record();
  const int64_t revision = view_.RevisionOf(keys_.record());
  role_ = Role::kPrimary;
  if (led_epoch_ != record.epoch) {
    in_sync_.Begin(record.in_sync, now);
    led_epoch_ = record.epoch;
    heir_.reset();
    is_lead_in_doubt_ = false;
    node_.BecomePrimary(record.epoch);
  } else if (record_revision_ != revision) {
    in_sync_.Confirm(record.in_sync);
  }
  record_revision_ = revision;
  if (commit_) return;
  if (now < commit_at_) return WakeAt(commit_at_);
  // The transaction that nobody has answered can't happen when this one has.
  if (is_lead_in_doubt_) return Claim(record, now);
  GoOnHandingOver(now);
  if (!commit_) FitInSyncSet(now);
}

void ShardMember::FitInSyncSet(int64_t now) {
  const std::optional<std::vector<std::string>> proposed = in_sync_.Propose();
  if (!proposed) return;
  ShardRecord changed = *view_.record();
  changed.in_sync = *proposed;
  CommitKeys commit = OnRecord();
  commit.puts.push_back({keys_.record(), Print(changed)});
  Commit(std::move(commit), now);
}

void ShardMember::BeFollower(const Lead& lead, int64_t now) {
  leaderless_since_.reset();
  stood_with_.reset();
  heir_.reset();
  is_lead_in_doubt_ = false;
  role_ = Role::kFollower;
  if (IsHeir()) return AcceptHandover(now);
  lease_.Drop();
  if (followed_ != lead) {
    followed_ = lead;
    node_.Follow(lead);
  }
  if (IsAmong(view_.record()->members, config_.id)) return;
  ShardRecord changed = *view_.record();
  changed.members.push_back(config_.id);
  CommitKeys commit = OnRecord();
  commit.puts.push_back({keys_.record(), Print(changed)});
  Commit(std::move(commit), now);
}

// --- elections ------------------------------------------------------------------------------------------------------

void ShardMember::BeLeaderless(int64_t now) {
  if (role_ == Role::kPrimary) role_ = Role::kWaiting;
  if (!leaderless_since_) leaderless_since_ = now;
  if (!view_.record()) return Create(now);
  if (!IsInSync()) {
    lease_.Drop();
    role_ = Role::kWaiting;
    return;
  }
  PrepareToLead(now);
  if (lease_.id() == 0) return;
  if (view_.lead()) return Reclaim(now);
  StandForElection(now);
}

void ShardMember::Create(int64_t now) {
  const bool is_absent = view_.RevisionOf(keys_.record()) == 0;
  if (!is_absent || !config_.creates_after_ms) return;
  if (config_.is_in_cluster && !ListsShard(view_.ValueOf(cluster_keys_.topology()), config_.shard)) return;
  const int64_t at = *leaderless_since_ + *config_.creates_after_ms;
  if (now < at) return WakeAt(at);
  lease_.Want();
  if (lease_.id() != 0) Claim({.in_sync = {config_.id}, .members = {config_.id}}, now);
}

void ShardMember::PrepareToLead(int64_t now) {
  lease_.Want();
  const uint64_t after = view_.record()->epoch;
  if (role_ == Role::kCandidate && stands_after_ == after && stood_with_) {
    if (!stood_with_->is_intact) stood_with_ = node_.copy();  // it may have been about to be
    return;
  }
  // From here on nothing is added to what it says that it has.
  node_.CutOff();
  followed_.reset();
  role_ = Role::kCandidate;
  stands_after_ = after;
  stood_with_ = node_.copy();
  stood_at_ = now;
}

// Its lease has run out, and etcd does not know yet; or it was restarted. Then others may have groups that it has lost,
// and would have to drop all that they have to follow it: the best is elected.
void ShardMember::Reclaim(int64_t now) {
  const ShardRecord& record = *view_.record();
  const bool has_gone_on = led_epoch_ == record.epoch && stood_with_->is_intact;
  if (has_gone_on || record.in_sync.size() == 1) return Claim(record, now);
  CommitKeys commit = OnLead();
  commit.deletes.push_back(keys_.lead());
  Commit(std::move(commit), now);
}

void ShardMember::StandForElection(int64_t now) {
  const std::string key = keys_.candidate(config_.id);
  const Candidate candidate{stands_after_, stood_with_->epoch, stood_with_->last, stood_with_->is_intact};
  const auto own = view_.candidates().find(config_.id);
  if (view_.LeaseOf(key) != lease_.id() || own == view_.candidates().end() || own->second != candidate) {
    CommitKeys commit = OnRecord();
    commit.puts.push_back({key, Print(candidate), lease_.id()});
    return Commit(std::move(commit), now);
  }
  if (!candidate.is_intact) WakeAt(now + kTryAgainMs);
  if (MayClaim(now)) Claim(AfterElection(), now);
}

// Writes would wait for those who do not stand.
ShardRecord ShardMember::AfterElection() const {
  ShardRecord record = *view_.record();
  const auto leave = [&](auto&& is_absent) {
    for (const std::string& id : view_.record()->in_sync) {
      if (record.in_sync.size() <= config_.limits.fewest) return;
      if (is_absent(id) && id != config_.id) std::erase(record.in_sync, id);
    }
  };
  leave([&](const std::string& id) { return id == record.primary && !view_.candidates().contains(id); });
  leave([&](const std::string& id) { return !view_.candidates().contains(id); });
  return record;
}

bool ShardMember::MayClaim(int64_t now) {
  const auto& candidates = view_.candidates();
  const ShardRecord& record = *view_.record();
  size_t missing = 0;
  bool lacks_only_primary = true;
  for (const std::string& id : record.in_sync) {
    if (candidates.contains(id)) continue;
    ++missing;
    lacks_only_primary = lacks_only_primary && id == record.primary;
  }
  const auto own = RankOf(config_.id, candidates.at(config_.id));
  int64_t better = 0;
  for (const auto& [id, candidate] : candidates) {
    if (IsAmong(record.in_sync, id) && RankOf(id, candidate) < own) ++better;
  }
  // If all are there, the best of them is the best there is.
  if (!stood_with_->is_intact && (missing > 0 || better > 0)) return false;
  const int64_t turns = better + (lacks_only_primary ? 0 : 1);
  const int64_t at = stood_at_ + turns * kTurnMs;
  if (now < at) WakeAt(at);
  return now >= at;
}

// In a cluster the number is one that no other shard's epoch and no topology has: whoever knows it, knows all changes
// up to it.
void ShardMember::BeginEpoch(ShardRecord record, CommitKeys* commit, Lead lead, int64_t lease) const {
  ++record.epoch;
  if (config_.is_in_cluster) {
    const std::string key = cluster_keys_.epoch();
    record.epoch = std::max(record.epoch, ParseEpoch(view_.ValueOf(key)) + 1);
    commit->conditions.push_back({key, view_.RevisionOf(key)});
    commit->puts.push_back({key, std::to_string(record.epoch)});
  }
  record.primary = lead.id;
  lead.epoch = record.epoch;
  commit->puts.push_back({keys_.record(), Print(record)});
  commit->puts.push_back({keys_.lead(), Print(lead), lease});
}

void ShardMember::Claim(ShardRecord record, int64_t now) {
  CommitKeys commit = OnLead();
  BeginEpoch(std::move(record), &commit, {.id = config_.id, .host = config_.host, .port = config_.port}, lease_.id());
  commit.deletes.push_back(keys_.candidate(config_.id));
  if (stood_with_ && !stood_with_->is_intact) {
    // It is elected because of what the others say that they have.
    for (const auto& [id, candidate] : view_.candidates()) {
      commit.conditions.push_back({keys_.candidate(id), view_.RevisionOf(keys_.candidate(id))});
    }
  }
  Commit(std::move(commit), now);
}

}  // namespace ringkv::cluster
