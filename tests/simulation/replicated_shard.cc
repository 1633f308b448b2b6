// SPDX-License-Identifier: MIT
#include "tests/simulation/replicated_shard.h"

#include <algorithm>
#include <utility>

namespace ringkv::test {
namespace {

constexpr uint64_t kPromotion = 6;
constexpr uint64_t kHealing = 7;

}  // namespace

ReplicatedShard::ReplicatedShard(uint64_t seed, size_t nodes) : timeline_(seed) {
  for (uint64_t kind = 0; kind < kPromotion; ++kind) {
    if (timeline_.Percent(50)) kinds_of_harm_.push_back(kind);
  }
  kinds_of_harm_.insert(kinds_of_harm_.end(), {kPromotion, kHealing});
  longest_peace_ms_ = int64_t{100} << timeline_.Between(0, 5);
  for (size_t i = 0; i < nodes; ++i) sites_.push_back(std::make_unique<Site>());
  for (size_t i = 0; i < nodes; ++i) Start(static_cast<int>(i));
}

ReplicatedShard::~ReplicatedShard() {
  for (const auto& site : sites_) site->process.reset();
}

// --- for the nodes --------------------------------------------------------------------------------------------------

std::shared_ptr<ReplicatedNode> ReplicatedShard::Running(int node) {
  return sites_[static_cast<size_t>(node)]->process;
}

void ReplicatedShard::NoteAcknowledged(const std::string& key, uint64_t number) {
  uint64_t& newest = acknowledged_[key];
  newest = std::max(newest, number);
  ++acknowledged_count_;
}

void ReplicatedShard::Violate(int node, const std::string& what) {
  timeline_.Note(node, "VIOLATION: " + what);
  if (violation_.empty()) violation_ = what;
}

// --- life and death -------------------------------------------------------------------------------------------------

void ReplicatedShard::Start(int node) {
  Site& site = *sites_[static_cast<size_t>(node)];
  if (site.process != nullptr) return;
  NodeOwner& owner = *this;
  site.process = std::make_shared<ReplicatedNode>(node, owner, network_, site.disk, site.promise);
  const bool is_primary = node == primary_;
  if (!site.process->Start(is_primary)) return Kill(node);
  if (!is_primary) site.process->Follow(primary_);
}

void ReplicatedShard::Kill(int node) {
  Site& site = *sites_[static_cast<size_t>(node)];
  if (site.process == nullptr) return;
  const bool machine_fails = timeline_.Percent(50);
  timeline_.Note(node, machine_fails ? "loses its power" : "is killed");
  site.disk.KillFrom(site.disk.operations());
  site.process->Disconnect(!machine_fails);
  site.process.reset();
  if (machine_fails) {
    site.disk.Crash([&](size_t unsynced) { return timeline_.random().Below(unsynced + 1); });
  } else {
    site.disk.Revive();
  }
  timeline_.After(timeline_.Between(10, 4000), [this, node] { Start(node); });
}

void ReplicatedShard::BuryTheDead() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->process != nullptr && sites_[i]->disk.is_dead()) Kill(static_cast<int>(i));
  }
}

// --- what happens to them -------------------------------------------------------------------------------------------

void ReplicatedShard::LetClientsWrite() {
  for (const auto& site : sites_) {
    if (site->process == nullptr || !site->process->is_primary() || site->disk.is_dead()) continue;
    for (int64_t i = timeline_.Between(0, 5); i > 0; --i) {
      if (timeline_.Percent(50)) {
        site->process->Write("watched:" + std::to_string(timeline_.random().Below(8)), ++written_);
      } else {
        site->process->ChangeSomething();
      }
    }
  }
}

void ReplicatedShard::DoHarm() { Harm(kinds_of_harm_[timeline_.random().Below(kinds_of_harm_.size())]); }

void ReplicatedShard::Harm(uint64_t kind) {
  const int node = static_cast<int>(timeline_.random().Below(sites_.size()));
  Site& site = *sites_[static_cast<size_t>(node)];
  switch (kind) {
    case 0: return Kill(node);
    case 1: return site.disk.KillFrom(site.disk.operations() + timeline_.random().Below(40));
    case 2: return Kill(primary_);
    case 3:
      if (site.process != nullptr) site.process->Disconnect(timeline_.Percent(50));
      return;
    case 4: return Partition();
    case 5:
      if (site.process != nullptr) site.process->clock().Set(timeline_.Between(-100'000, 100'000));
      return;
    case kPromotion: return PromoteOne();
    default: return network_.HealAll();
  }
}

void ReplicatedShard::Partition() {
  const int from = static_cast<int>(timeline_.random().Below(sites_.size()));
  const int to = static_cast<int>(timeline_.random().Below(sites_.size()));
  timeline_.Note(from, "does not reach node " + std::to_string(to));
  network_.Block(from, to);
  if (timeline_.Percent(50)) network_.Block(to, from);
}

void ReplicatedShard::PromoteOne() {
  std::vector<ReplicatedNode*> asked;
  for (const auto& site : sites_) {
    ReplicatedNode* node = site->process.get();
    if (node == nullptr || node->number() == primary_ || site->disk.is_dead()) continue;
    if (!node->is_primary() && node->is_whole()) asked.push_back(node);
  }
  const size_t majority = sites_.size() / 2 + 1;
  if (asked.size() + majority <= sites_.size()) return;
  // From now on the old primary finds no majority.
  for (ReplicatedNode* node : asked) node->Unfollow();
  const auto rank = [](ReplicatedNode* node) { return std::pair(node->epoch(), node->appended()); };
  ReplicatedNode* best =
      *std::max_element(asked.begin(), asked.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  primary_ = best->number();
  ++promotions_;
  best->Promote(++epoch_);
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->process.get() == best) continue;
    // Others hear of it later; meanwhile the old primary takes writes.
    timeline_.After(timeline_.Between(0, 1500), [this, node = static_cast<int>(i), epoch = epoch_] {
      const std::shared_ptr<ReplicatedNode> process = Running(node);
      if (process != nullptr && epoch_ == epoch && node != primary_) process->Follow(primary_);
    });
  }
}

// --- a run ----------------------------------------------------------------------------------------------------------

void ReplicatedShard::Run(int64_t milliseconds_of_faults) {
  const int64_t end = timeline_.now() + milliseconds_of_faults;
  int64_t next_harm = timeline_.Between(0, longest_peace_ms_);
  while (timeline_.now() < end && violation_.empty()) {
    LetClientsWrite();
    timeline_.RunUntil(timeline_.now() + timeline_.Between(1, 100));
    BuryTheDead();
    if (timeline_.now() < next_harm) continue;
    DoHarm();
    next_harm = timeline_.now() + timeline_.Between(0, longest_peace_ms_);
  }
  HealAll();
  constexpr int64_t kBoundMs = 60'000;
  const int64_t healed = timeline_.now();
  while (violation_.empty() && !IsConverged()) {
    timeline_.RunUntil(timeline_.now() + 100);
    BuryTheDead();
    if (timeline_.now() > healed + kBoundMs) Violate(primary_, "the nodes are not equal a minute after the last fault");
  }
  if (violation_.empty()) CheckWrites();
}

void ReplicatedShard::HealAll() {
  timeline_.Note(primary_, "no faults from now on");
  network_.HealAll();
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->disk.is_dead()) Kill(static_cast<int>(i));
    if (sites_[i]->process != nullptr) sites_[i]->disk.KillFrom(SIZE_MAX);
  }
  // Those that did not hear of a promotion do now.
  for (const auto& site : sites_) {
    if (site->process != nullptr && site->process->number() != primary_) site->process->Follow(primary_);
  }
}

bool ReplicatedShard::IsConverged() {
  const std::shared_ptr<ReplicatedNode> primary = Running(primary_);
  if (primary == nullptr) return false;
  for (const auto& site : sites_) {
    const ReplicatedNode* node = site->process.get();
    if (node == nullptr) return false;
    if (node == primary.get()) continue;
    if (!node->is_streaming() || site->process->appended() != primary->appended()) return false;
  }
  return true;
}

void ReplicatedShard::CheckWrites() {
  const Model contents = Running(primary_)->Contents();
  for (const auto& site : sites_) {
    if (site->process->Contents() != contents) Violate(site->process->number(), "it differs from the primary");
  }
  for (const auto& [key, number] : acknowledged_) {
    const auto found = contents.find({0, key});
    const uint64_t kept = found == contents.end() ? 0 : std::stoull(found->second.first);
    if (kept < number) {
      Violate(primary_, "write " + std::to_string(number) + " of " + key + " was acknowledged and lost; it is " +
                            std::to_string(kept));
    }
  }
}

}  // namespace ringkv::test
