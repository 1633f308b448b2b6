// SPDX-License-Identifier: MIT
#include "server/sentinel/roster.h"

#include <algorithm>
#include <tuple>

namespace ringkv::server {

// --- this node ------------------------------------------------------------------------------------------------------

void Roster::NoteSelf(NodeReport report, const NodeAddress& announced, int64_t now) {
  if (own_since_ == 0 || report.is_primary != own_.is_primary) own_since_ = now;
  const bool follows_another = !report.is_primary && report.primary != own_.primary;
  own_ = std::move(report);
  announced_ = announced;
  if (announced_.is_known()) Erase(announced_);
  // Somebody else's replica from now on: those who were known are of another shard.
  if (follows_another && !IsSelf(own_.primary) && !nodes_.contains(Resolve(own_.primary))) {
    nodes_.clear();
    aliases_.clear();
    primary_ = {};
  }
  Follow(now);
  Decide(now);
}

bool Roster::IsSelf(const NodeAddress& address) const { return address == announced_ || selves_.contains(address); }

NodeAddress Roster::self() const {
  if (announced_.is_known()) return announced_;
  if (learned_.is_known()) return learned_;
  return reached_at_.is_known() ? reached_at_ : NodeAddress{{}, announced_.port};
}

// --- the others -----------------------------------------------------------------------------------------------------

const NodeAddress& Roster::Resolve(const NodeAddress& address) const {
  const auto found = aliases_.find(address);
  return found == aliases_.end() ? address : found->second;
}

void Roster::Add(const NodeAddress& address, int64_t now) {
  if (!address.is_known() || address.port == 0 || IsSelf(address) || aliases_.contains(address)) return;
  if (nodes_.contains(address) || !MakeRoom(now)) return;
  nodes_[address] = {.answered = now, .in_role_since = now};
}

bool Roster::MakeRoom(int64_t now) {
  if (nodes_.size() < kMostNodes) return true;
  ForgetDown(now);
  return nodes_.size() < kMostNodes;
}

void Roster::Erase(const NodeAddress& address) {
  nodes_.erase(address);
  std::erase_if(aliases_, [&](const auto& alias) { return alias.second == address; });
}

void Roster::ForgetDown(int64_t now) {
  std::vector<NodeAddress> down;
  for (const auto& [address, node] : nodes_) {
    if (IsDown(node, now) && (leads_ || address != primary_)) down.push_back(address);
  }
  for (const NodeAddress& address : down) Erase(address);
}

std::vector<NodeAddress> Roster::Peers() const {
  std::vector<NodeAddress> peers;
  for (const auto& [address, node] : nodes_) peers.push_back(address);
  return peers;
}

void Roster::NoteConnected(const NodeAddress& address, bool is_connected) {
  const auto found = nodes_.find(address);
  if (found != nodes_.end()) found->second.is_connected = is_connected;
}

void Roster::NoteAsked(const NodeAddress& address, int64_t now) {
  const auto found = nodes_.find(address);
  if (found != nodes_.end() && found->second.asked == 0) found->second.asked = now;
}

void Roster::NoteAnswer(const NodeAddress& address, std::optional<NodeReport> report, int64_t now) {
  const auto found = nodes_.find(address);
  if (found == nodes_.end()) return;
  if (found->second.may_be_self && report && report->run_id != own_.run_id) return Erase(address);
  if (report && !report->run_id.empty()) {
    if (report->run_id == own_.run_id) {
      Erase(address);
      if (selves_.size() < kMostNodes) selves_.insert(address);
      if (!learned_.is_known()) learned_ = address;
      return Decide(now);
    }
    // Whoever became known first keeps its address.
    for (const auto& [other, node] : nodes_) {
      const bool is_same = other != address && node.report && node.report->run_id == report->run_id;
      if (!is_same || IsDown(node, now)) continue;
      const NodeAddress known = other;
      Erase(address);
      if (aliases_.size() < kMostNodes) aliases_[address] = known;
      return Decide(now);
    }
  }
  Node& node = found->second;
  node.answered = now;
  node.asked = 0;
  if (report) {
    const bool stays = node.report && node.report->is_primary == report->is_primary;
    if (!stays) node.in_role_since = now;
    node.reported = now;
    node.report = std::move(report);
  }
  Follow(now);
  ForgetForeign();
  Decide(now);
}

// --- who belongs to the shard ---------------------------------------------------------------------------------------

void Roster::Follow(int64_t now) {
  FollowChain(now);
  FindSelf(now);
  for (const NodeAddress& replica : own_.replicas) Add(replica, now);
  std::vector<NodeAddress> named;
  for (const auto& [address, node] : nodes_) {
    if (node.report) named.insert(named.end(), node.report->replicas.begin(), node.report->replicas.end());
  }
  for (const NodeAddress& address : named) Add(address, now);
}

// Where replicas of this node reach it.
void Roster::FindSelf(int64_t now) {
  if (announced_.is_known()) return;
  std::set<NodeAddress> followed;
  for (const NodeAddress& replica : own_.replicas) {
    const auto found = nodes_.find(Resolve(replica));
    if (found != nodes_.end() && found->second.report) followed.insert(found->second.report->primary);
  }
  for (const NodeAddress& address : followed) {
    if (nodes_.contains(address)) continue;
    Add(address, now);
    if (const auto added = nodes_.find(address); added != nodes_.end()) added->second.may_be_self = true;
  }
}

void Roster::FollowChain(int64_t now) {
  constexpr int kLongestChain = 8;
  const NodeReport* follower = &own_;
  for (int i = 0; i < kLongestChain && follower != nullptr && !follower->is_primary; ++i) {
    const NodeAddress next = follower->primary;
    Add(next, now);
    follower = ReportOf(next);
  }
}

const NodeReport* Roster::ReportOf(const NodeAddress& address) const {
  if (IsSelf(address)) return &own_;
  const auto found = nodes_.find(Resolve(address));
  return found == nodes_.end() || !found->second.report ? nullptr : &*found->second.report;
}

bool Roster::IsReplicaOfKnown(const NodeAddress& address) const {
  const auto has = [&](const NodeReport& report) {
    return std::any_of(report.replicas.begin(), report.replicas.end(),
                       [&](const NodeAddress& each) { return Resolve(each) == address; });
  };
  if (has(own_)) return true;
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& each) { return each.second.report && has(*each.second.report); });
}

bool Roster::Belongs(const NodeAddress& address, const Node& node) const {
  if (!node.report || node.report->is_primary) return true;
  const NodeAddress& followed = Resolve(node.report->primary);
  return IsSelf(followed) || nodes_.contains(followed) || IsReplicaOfKnown(address);
}

void Roster::ForgetForeign() {
  std::vector<NodeAddress> foreign;
  for (const auto& [address, node] : nodes_) {
    if (!Belongs(address, node)) foreign.push_back(address);
  }
  for (const NodeAddress& address : foreign) Erase(address);
}

// --- who is the primary ---------------------------------------------------------------------------------------------

NodeAddress Roster::EndOfChain() const {
  std::set<NodeAddress> seen;
  NodeAddress end = own_.primary;
  while (!IsSelf(end) && seen.insert(Resolve(end)).second) {
    const NodeReport* report = ReportOf(end);
    if (report == nullptr) return Resolve(end);
    // The data here is of a later epoch: on the way somebody has not said yet what he is now.
    if (report->is_primary) return Resolve(IsDeposed(*report) ? own_.primary : end);
    end = report->primary;
  }
  return {};
}

void Roster::Decide(int64_t now) {
  // In this order: the epoch, whether it answers, whether it was the primary before, and something that all agree on.
  using Claim = std::tuple<uint64_t, bool, bool, NodeAddress>;
  std::optional<Claim> best;
  if (own_.is_primary) best = Claim{own_.epoch.value_or(0), true, leads_, self()};
  bool leads = own_.is_primary;
  const NodeAddress followed = own_.is_primary ? NodeAddress() : EndOfChain();
  for (const auto& [address, node] : nodes_) {
    if (!node.report || !node.report->is_primary) continue;
    const bool may_lead = node.report->service == service_ && !IsDeposed(*node.report);
    if (!may_lead && address != followed) continue;
    Claim claim{node.report->epoch.value_or(0), !IsDown(node, now), !leads_ && address == primary_, address};
    if (best && claim < *best) continue;
    best = std::move(claim);
    leads = false;
  }
  if (best) {
    primary_ = std::get<NodeAddress>(*best);
  } else if (followed.is_known()) {
    primary_ = followed;
  } else if (leads_ || !primary_.is_known()) {
    primary_ = Resolve(own_.primary);
  }
  leads_ = leads;
}

// --- as others are told ---------------------------------------------------------------------------------------------

ShardNode Roster::Show(const NodeAddress& address, const Node& node, int64_t now) const {
  const bool is_down = IsDown(node, now);
  ShardNode shown{.address = address,
                  .is_connected = node.is_connected,
                  .is_down = is_down,
                  .down_ms = is_down ? now - node.answered - down_after_ms_ : 0,
                  .asked_ms = node.asked == 0 ? 0 : now - node.asked,
                  .answered_ms = now - node.answered,
                  .reported_ms = node.reported == 0 ? 0 : now - node.reported,
                  .in_role_ms = now - node.in_role_since};
  if (node.report) {
    shown.report = *node.report;
  } else {
    shown.report.is_primary = address == primary_;
  }
  return shown;
}

ShardNode Roster::ShowSelf(int64_t now) const {
  return {.address = self(), .report = own_, .is_self = true, .is_connected = true, .in_role_ms = now - own_since_};
}

ShardView Roster::View(int64_t now) const {
  ShardView view{.service = service_, .down_after_ms = down_after_ms_};
  view.primary.address = primary_;
  if (leads_) {
    view.primary = ShowSelf(now);
  } else if (!own_.is_primary) {
    view.replicas.push_back(ShowSelf(now));
  }
  for (const auto& [address, node] : nodes_) {
    const ShardNode shown = Show(address, node, now);
    if (shown.report.service == service_) view.answering.push_back(shown);
    const bool is_replica = node.report ? !node.report->is_primary : IsReplicaOfKnown(address);
    if (!leads_ && address == primary_) {
      view.primary = shown;
    } else if (is_replica) {
      view.replicas.push_back(shown);
    }
  }
  std::sort(view.replicas.begin(), view.replicas.end(),
            [](const ShardNode& a, const ShardNode& b) { return a.address < b.address; });
  return view;
}

}  // namespace ringkv::server
