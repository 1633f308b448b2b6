// SPDX-License-Identifier: MIT
#include "tests/simulation/etcd_model.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace ringkv::test {

using cluster::EtcdAnswer;
using cluster::EtcdKey;
using Outcome = cluster::EtcdAnswer::Outcome;

// --- calls ----------------------------------------------------------------------------------------------------------

void EtcdModel::Call(int node, const cluster::EtcdRequest& request, int64_t deadline_ms, Reply reply) {
  const bool is_lost = timeline_.Percent(1);
  if (const auto* watch = std::get_if<cluster::WatchKeys>(&request)) {
    return timeline_.After(Delay(), [this, node, watch = *watch, reply = std::move(reply)]() mutable {
      Watch(node, watch, std::move(reply));
    });
  }
  const auto waiting = std::make_shared<Waiting>(Waiting{std::move(reply)});
  timeline_.After(deadline_ms, [waiting] {
    if (!std::exchange(waiting->is_answered, true)) waiting->reply({.error = "no answer in time"});
  });
  if (is_lost) return;
  timeline_.After(Delay(), [this, node, request, waiting] { Arrive(node, request, waiting); });
}

void EtcdModel::Arrive(int node, const cluster::EtcdRequest& request, const std::shared_ptr<Waiting>& waiting) {
  if (deaf_to_.contains(node)) return;
  if (!has_majority_) {
    if (timeline_.Percent(50)) held_.push_back([this, node, request, waiting] { Arrive(node, request, waiting); });
    return;
  }
  ++calls_;
  const EtcdAnswer answer = Execute(request);
  if (timeline_.Percent(1)) return;  // it is lost
  timeline_.After(Delay(), [this, node, waiting, answer] {
    if (mute_to_.contains(node) || std::exchange(waiting->is_answered, true)) return;
    waiting->reply(answer);
  });
}

EtcdAnswer EtcdModel::Execute(const cluster::EtcdRequest& request) {
  if (const auto* grant = std::get_if<cluster::GrantLease>(&request)) return Grant(grant->ttl_seconds);
  if (const auto* keep = std::get_if<cluster::KeepLease>(&request)) return Keep(keep->lease);
  if (const auto* read = std::get_if<cluster::ReadKeys>(&request)) return Read(read->prefix);
  if (const auto* commit = std::get_if<cluster::CommitKeys>(&request)) return Commit(*commit);
  EndLease(std::get<cluster::RevokeLease>(request).lease);
  return {.outcome = Outcome::kDone, .revision = revision_};
}

void EtcdModel::LoseMajority() {
  has_majority_ = false;
  for (const auto& watcher : watchers_) {
    timeline_.After(4500, [this, watcher, lost = ++terms_] {
      if (!has_majority_ && terms_ == lost) Send(watcher, {.error = "no leader"});
    });
  }
}

void EtcdModel::Heal() {
  deaf_to_.clear();
  mute_to_.clear();
  if (std::exchange(has_majority_, true)) return;
  for (const auto& [id, lease] : leases_) Extend(id);  // a new leader does
  for (const auto& arrive : std::exchange(held_, {})) arrive();
}

// --- leases ---------------------------------------------------------------------------------------------------------

EtcdAnswer EtcdModel::Grant(int64_t ttl_seconds) {
  const int64_t id = ++last_lease_;
  leases_[id] = {.ttl_seconds = std::max<int64_t>(ttl_seconds, 2)};
  Extend(id);
  return {.outcome = Outcome::kDone, .revision = revision_, .lease = id, .ttl_seconds = leases_[id].ttl_seconds};
}

EtcdAnswer EtcdModel::Keep(int64_t lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return {.outcome = Outcome::kRefused, .revision = revision_};
  Extend(lease);
  return {.outcome = Outcome::kDone, .revision = revision_, .lease = lease, .ttl_seconds = found->second.ttl_seconds};
}

void EtcdModel::Extend(int64_t id) {
  Lease& lease = leases_[id];
  lease.expires_at = timeline_.now() + lease.ttl_seconds * 1000 + timeline_.Between(0, 600);
  timeline_.After(lease.expires_at - timeline_.now(), [this, id] { ExpireIfDue(id); });
}

void EtcdModel::ExpireIfDue(int64_t id) {
  const auto found = leases_.find(id);
  if (has_majority_ && found != leases_.end() && found->second.expires_at <= timeline_.now()) EndLease(id);
}

void EtcdModel::EndLease(int64_t id) {
  if (leases_.erase(id) == 0) return;
  std::vector<EtcdKey> changes;
  for (auto at = keys_.begin(); at != keys_.end();) {
    const bool is_on_it = at->second.lease == id;
    if (is_on_it) {
      changes.push_back({.key = at->first, .mod_revision = revision_ + 1, .is_deleted = true});
      timeline_.Note(-1, "a lease ends: " + at->first);
    }
    at = is_on_it ? keys_.erase(at) : std::next(at);
  }
  if (!changes.empty()) Tell(changes);
}

// --- keys -----------------------------------------------------------------------------------------------------------

EtcdAnswer EtcdModel::Read(const std::string& prefix) const {
  EtcdAnswer answer{.outcome = Outcome::kDone, .revision = revision_};
  for (const auto& [name, key] : keys_) {
    if (name.starts_with(prefix)) answer.keys.push_back(key);
  }
  return answer;
}

EtcdAnswer EtcdModel::Commit(const cluster::CommitKeys& commit) {
  const auto is_met = [this](const auto& condition) {
    const auto found = keys_.find(condition.key);
    return condition.mod_revision == (found == keys_.end() ? 0 : found->second.mod_revision);
  };
  const auto has_lease = [this](const auto& put) { return put.lease == 0 || leases_.contains(put.lease); };
  if (!std::all_of(commit.conditions.begin(), commit.conditions.end(), is_met) ||
      !std::all_of(commit.puts.begin(), commit.puts.end(), has_lease)) {
    return {.outcome = Outcome::kRefused, .revision = revision_};
  }
  std::vector<EtcdKey> changes;
  for (const auto& put : commit.puts) {
    keys_[put.key] = {put.key, put.value, revision_ + 1, put.lease};
    changes.push_back(keys_[put.key]);
    timeline_.Note(-1, put.key + " = " + put.value);
  }
  for (const std::string& key : commit.deletes) {
    if (keys_.erase(key) > 0) changes.push_back({.key = key, .mod_revision = revision_ + 1, .is_deleted = true});
  }
  if (!changes.empty()) Tell(changes);
  return {.outcome = Outcome::kDone, .revision = revision_};
}

// --- watches --------------------------------------------------------------------------------------------------------

void EtcdModel::Watch(int node, const cluster::WatchKeys& request, Reply reply) {
  ++calls_;
  const auto watcher = std::make_shared<Watcher>(Watcher{node, request.prefix, std::move(reply)});
  watchers_.push_back(watcher);
  if (deaf_to_.contains(node) || !has_majority_) {
    return timeline_.After(500, [this, watcher] { Send(watcher, {.error = "no answer"}); });
  }
  for (const std::vector<EtcdKey>& changes : past_) {
    if (changes.front().mod_revision < request.from_revision) continue;
    Send(watcher, {.outcome = Outcome::kDone, .revision = changes.front().mod_revision, .keys = changes});
  }
}

void EtcdModel::Tell(const std::vector<EtcdKey>& changes) {
  ++revision_;
  past_.push_back(changes);
  std::erase_if(watchers_, [](const auto& watcher) { return watcher->has_ended; });
  for (const auto& watcher : watchers_) {
    Send(watcher, {.outcome = Outcome::kDone, .revision = revision_, .keys = changes});
  }
}

void EtcdModel::EndWatches() {
  for (const auto& watcher : watchers_) Send(watcher, {.error = "the connection has ended"});
}

void EtcdModel::Send(const std::shared_ptr<Watcher>& watcher, EtcdAnswer answer) {
  watcher->last_arrival = std::max(watcher->last_arrival, timeline_.now() + Delay());
  const int64_t delay = watcher->last_arrival - timeline_.now();
  timeline_.After(delay, [this, watcher, answer = std::move(answer)] {
    if (watcher->has_ended) return;
    // A connection that passes nothing ends some time.
    const bool is_cut = mute_to_.contains(watcher->node);
    watcher->has_ended = is_cut || answer.outcome != Outcome::kDone;
    watcher->reply(is_cut ? EtcdAnswer{.error = "cut"} : answer);
  });
}

}  // namespace ringkv::test
