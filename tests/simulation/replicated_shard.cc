// SPDX-License-Identifier: MIT
#include "tests/simulation/replicated_shard.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tests/simulation/node_faults.h"

namespace ringkv::test {
namespace {

constexpr uint64_t kKeys = 8;

std::string KeyOf(uint64_t number) { return "watched:" + std::to_string(number); }

}  // namespace

ReplicatedShard::ReplicatedShard(const FaultPlan& plan, bool is_traced) : SimulatedNodes(plan, is_traced) {
  for (size_t i = 0; i < plan.nodes; ++i) Start(static_cast<int>(i));
}

bool ReplicatedShard::HasPrimary() { return Running(primary_) != nullptr && Running(primary_)->is_primary(); }

// --- life and death -------------------------------------------------------------------------------------------------

void ReplicatedShard::Start(int node) {
  ShardSite& site = SiteOf(node);
  if (site.process != nullptr) return;
  NodeOwner& owner = *this;
  site.process = std::make_shared<ReplicatedNode>(node, owner, network_, *site.disk, site.promise);
  const bool is_primary = node == primary_;
  if (is_primary) site.promise.epoch = epoch_ + 1;
  if (const storage::Status started = site.process->Start(is_primary); !started) {
    return TakeStartFailure(node, started.error().text);
  }
  if (is_primary) {
    BeginEpoch(epoch_, site.process->secured());
    return CheckPrimary();
  }
  site.process->NoteEpoch(epoch_);
  site.process->Follow(primary_);
}

void ReplicatedShard::TakeStartFailure(int node, const std::string& why) {
  ShardSite& site = SiteOf(node);
  timeline_.Note(node, "can't start: " + why);
  const bool is_injected = site.disk->is_dead() || why.find("injected: ") != std::string::npos;
  if (!is_injected && !site.is_doubtful) Violate(node, "its files can't be loaded: " + why);
  Kill(node, false);
  if (is_injected) return;
  timeline_.Note(node, "gets an empty disk");
  site.disk = std::make_unique<FaultyFileSystem>();
}

// --- clients --------------------------------------------------------------------------------------------------------

void ReplicatedShard::LetClientsAct() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int node = static_cast<int>(i);
    if (!Responds(node) || !Running(node)->is_primary() || Running(node)->refuses_writes()) continue;
    for (int64_t count = timeline_.Between(0, 5); count > 0; --count) {
      const uint64_t what = timeline_.random().Below(10);
      if (what < 4) {
        Running(node)->Write(KeyOf(timeline_.random().Below(kKeys)), clients_.Begin(timeline_.now()));
      } else if (what < 5) {
        ReadSomething(node);
      } else {
        Running(node)->ChangeSomething();
      }
    }
  }
}

void ReplicatedShard::ReadSomething(int node) {
  const std::string key = KeyOf(timeline_.random().Below(kKeys));
  Running(node)->Read(key);
  if (node != primary_) return;  // it has not heard of its successor, and may be behind
  if (const uint64_t lost = clients_.Lost(key, Running(node)->ElementsOf(key)); lost != 0) {
    Violate(node, "a read of " + key + " does not see write " + std::to_string(lost) + ", which was acknowledged");
  }
}

void ReplicatedShard::CheckPrimary() {
  for (const auto& [key, numbers] : clients_.acknowledged()) {
    if (const uint64_t lost = clients_.Lost(key, Running(primary_)->ElementsOf(key)); lost != 0) {
      Violate(primary_, "the new primary does not have write " + std::to_string(lost) + " of " + key +
                            ", which was acknowledged");
    }
  }
}

// --- faults ---------------------------------------------------------------------------------------------------------

void ReplicatedShard::Harm(const Fault& fault) {
  if (HarmNode(fault, network_, [this](int each) -> ShardSite& { return SiteOf(each); })) return;
  const int node = static_cast<int>(fault.node);
  const int other = static_cast<int>(fault.other);
  switch (fault.kind) {
    case FaultKind::kKill: return Kill(node, fault.is_harsh);
    case FaultKind::kKillPrimary: return Kill(primary_, fault.is_harsh);
    case FaultKind::kFlipBit: return FlipBit(node, static_cast<uint64_t>(fault.amount));
    case FaultKind::kFollow: return Responds(node) && node != other ? SiteOf(node).process->Follow(other) : void();
    case FaultKind::kSave: return Responds(node) ? SiteOf(node).process->RewriteLog() : void();
    case FaultKind::kPromote: return PromoteOne();
    default: return;  // of a cluster
  }
}

void ReplicatedShard::FlipBit(int node, uint64_t which) {
  // Replication keeps what one of its nodes loses, and a primary whose files are damaged is not for this operator.
  const bool is_second = std::any_of(sites_.begin(), sites_.end(), [](const auto& each) { return each->is_doubtful; });
  if (is_second || node == primary_ || Running(node) == nullptr || Running(node)->is_primary()) return;
  Kill(node, false);
  ShardSite& site = SiteOf(node);
  site.is_doubtful = true;
  site.promise.last = 0;
  timeline_.Note(node, "has a flipped bit in " + site.disk->FlipBit(which));
}

bool ReplicatedShard::MayBeAsked(int node) {
  if (!Responds(node)) return false;
  const ReplicatedNode& process = *Running(node);
  if (process.is_primary() || !process.is_whole()) return false;
  if (SiteOf(node).is_doubtful && HasCaughtUp(node)) SiteOf(node).is_doubtful = false;
  // It knows which data it has, and how much. That may be nothing: then it tells nobody anything, unless it led.
  const bool knows = process.epoch() > 0 && process.has_log() && (process.secured() > 0 || node == primary_);
  return !SiteOf(node).is_doubtful && knows;
}

bool ReplicatedShard::HasCaughtUp(int node) {
  const ReplicatedNode& process = *Running(node);
  if (!HasPrimary() || !process.is_streaming() || !process.follows(primary_) || process.epoch() != epoch_) return false;
  return process.secured() == Running(primary_)->appended();
}

uint64_t ReplicatedShard::EpochOf(uint64_t epoch, storage::Lsn last) const {
  while (epoch > 0 && last < epochs_[epoch].begin) epoch = epochs_[epoch].parent;
  return epoch;
}

void ReplicatedShard::BeginEpoch(uint64_t epoch_before, storage::Lsn last) {
  epochs_.push_back({.begin = last, .parent = EpochOf(epoch_before, last)});
  epoch_ = epochs_.size() - 1;
}

void ReplicatedShard::PromoteOne() {
  std::vector<ReplicatedNode*> asked;
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (MayBeAsked(static_cast<int>(i))) asked.push_back(sites_[i]->process.get());
  }
  // The last primary has every acknowledged write, also when it was told by mistake to follow. Without it so many are
  // asked that a majority has one of them.
  const size_t majority = sites_.size() / 2 + 1;
  if (!MayBeAsked(primary_) && asked.size() + majority <= sites_.size()) return;
  // From now on the old primary finds no majority.
  for (ReplicatedNode* node : asked) {
    node->NoteEpoch(epoch_ + 1);
    node->Unfollow();
  }
  const auto rank = [this](ReplicatedNode* node) {
    return std::pair(EpochOf(node->epoch(), node->secured()), node->secured());
  };
  ReplicatedNode* best =
      *std::max_element(asked.begin(), asked.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  primary_ = best->number();
  ++promotions_;
  BeginEpoch(best->epoch(), best->secured());
  best->Promote(epoch_);
  CheckPrimary();
  // Others hear of it later; meanwhile the old primary takes writes.
  for (size_t i = 0; i < sites_.size(); ++i) Tell(static_cast<int>(i), timeline_.Between(0, 1500));
}

void ReplicatedShard::Tell(int node, int64_t delay) {
  timeline_.After(delay, [this, node, promotion = promotions_] {
    const std::shared_ptr<ReplicatedNode> process = Running(node);
    if (process == nullptr || promotions_ != promotion || node == primary_) return;
    if (network_.IsStopped(node)) return Tell(node, network_.stopped_until(node) - timeline_.now());
    process->NoteEpoch(epoch_);
    process->Follow(primary_);
  });
}

// --- the end --------------------------------------------------------------------------------------------------------

void ReplicatedShard::AwaitRest() {
  constexpr int64_t kBoundMs = 60'000;
  const int64_t healed = timeline_.now();
  while (violation_.empty() && !IsConverged()) {
    timeline_.RunUntil(timeline_.now() + 100);
    BuryTheDead();
    if (Responds(primary_) && !HasPrimary()) PromoteOne();
    if (timeline_.now() > healed + kBoundMs) Violate(primary_, "the nodes are not equal a minute after the last fault");
  }
}

bool ReplicatedShard::IsConverged() {
  if (!HasPrimary()) return false;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const ReplicatedNode* node = sites_[i]->process.get();
    if (node == nullptr) return false;
    if (static_cast<int>(i) == primary_) continue;
    if (!node->is_streaming() || sites_[i]->process->appended() != Running(primary_)->appended()) return false;
  }
  return true;
}

void ReplicatedShard::CheckContents() {
  const Model contents = Running(primary_)->Contents();
  for (const auto& site : sites_) {
    if (site->process->Contents() != contents) Violate(site->process->number(), "it differs from the primary");
  }
}

void ReplicatedShard::CheckRest() {
  constexpr int64_t kBoundMs = 20'000;
  const int64_t begun = timeline_.now();
  for (uint64_t key = 0; key < kKeys; ++key) Running(primary_)->Write(KeyOf(key), clients_.Begin(timeline_.now()));
  const auto is_at_rest = [this] {
    return IsConverged() && !Running(primary_)->has_unanswered() && network_.wires() == sites_.size() - 1;
  };
  while (HasPrimary() && !is_at_rest() && timeline_.now() < begun + kBoundMs) {
    timeline_.RunUntil(timeline_.now() + 100);
  }
  if (!HasPrimary() || Running(primary_)->has_unanswered()) {
    return Violate(primary_, "it does not answer although all is well");
  }
  if (!IsConverged()) return Violate(primary_, "the nodes do not stay equal although all is well");
  if (!is_at_rest()) Violate(primary_, std::to_string(network_.wires()) + " connections are left");
}

void ReplicatedShard::CheckClients() {
  std::map<std::string, Elements> last;
  for (uint64_t key = 0; key < kKeys; ++key) last[KeyOf(key)] = Running(primary_)->ElementsOf(KeyOf(key));
  if (const std::string wrong = clients_.Check(last); !wrong.empty()) Violate(primary_, wrong);
}

}  // namespace ringkv::test
