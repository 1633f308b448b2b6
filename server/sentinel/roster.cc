// SPDX-License-Identifier: MIT
#include "server/sentinel/roster.h"

#include <algorithm>
#include <tuple>

namespace ringkv::server {
namespace {

// Reached by nodes of the same machine only.
bool IsLoopback(const NodeAddress& address) {
  return address.host.starts_with("127.") || address.host == "::1" || address.host == "localhost";
}

}  // namespace

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
  Decide();
}

bool Roster::IsSelf(const NodeAddress& address) const { return address == announced_ || selves_.contains(address); }

NodeAddress Roster::self() const {
  if (announced_.is_known()) return announced_;
  return learned_.is_known() ? learned_ : NodeAddress{{}, announced_.port};
}

void Roster::NoteOwnAddress(const NodeAddress& address, bool is_introduced) {
  if (selves_.size() < kMostNodes) selves_.insert(address);
  // Who introduces this node to itself knows no better where others reach it.
  if (is_introduced) return;
  if (!learned_.is_known() || (IsLoopback(learned_) && !IsLoopback(address))) learned_ = address;
}

// --- the others -----------------------------------------------------------------------------------------------------

const NodeAddress& Roster::Resolve(const NodeAddress& address) const {
  const auto found = aliases_.find(address);
  return found == aliases_.end() ? address : found->second;
}

void Roster::Add(const NodeAddress& address, int64_t now) {
  if (!address.is_known() || !IsNodePort(address.port) || IsSelf(address) || aliases_.contains(address)) return;
  if (const auto known = nodes_.find(address); known != nodes_.end()) {
    known->second.is_introduced = false;
  } else if (MakeRoom()) {
    nodes_[address] = {.answered = now, .in_role_since = now};
  }
}

void Roster::Introduce(const NodeAddress& address, int64_t now) {
  if (nodes_.contains(address)) return;
  Add(address, now);
  if (const auto added = nodes_.find(address); added != nodes_.end()) added->second.is_introduced = true;
}

bool Roster::MakeRoom() {
  if (nodes_.size() < kMostNodes) return true;
  ForgetDown();
  return nodes_.size() < kMostNodes;
}

void Roster::Erase(const NodeAddress& address) {
  nodes_.erase(address);
  std::erase_if(aliases_, [&](const auto& alias) { return alias.second == address; });
}

void Roster::ForgetDown() {
  const auto is_kept = [&, end = EndOfChain()](const NodeAddress& address) {
    return !own_.is_primary && address == primary_ && (address == Resolve(own_.primary) || address == end);
  };
  std::vector<NodeAddress> down;
  for (const auto& [address, node] : nodes_) {
    if (node.is_down && !is_kept(address)) down.push_back(address);
  }
  for (const NodeAddress& address : down) {
    Erase(address);
    if (!leads_ && address == primary_) primary_ = {};
  }
  Decide();
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
  if (found == nodes_.end() || found->second.asked != 0) return;
  found->second.asked = now;
  found->second.silence.Begin(now);
}

void Roster::Judge(int64_t now) {
  // The moment that Silence leaves to look once more is part of the time.
  const int64_t last_look_ms = std::min(down_after_ms_ / 2, cluster::Silence::kLastLookMs);
  for (auto& [address, node] : nodes_) {
    if (node.asked != 0 && !node.is_down) node.is_down = node.silence.HasLasted(down_after_ms_ - last_look_ms, now);
  }
  Decide();
}

void Roster::NoteAnswer(const NodeAddress& address, std::optional<NodeReport> report, int64_t now) {
  const auto found = nodes_.find(address);
  if (found == nodes_.end()) return;
  if (found->second.may_be_self && report && report->run_id != own_.run_id) return Erase(address);
  if (report && !report->run_id.empty()) {
    if (report->run_id == own_.run_id) {
      const bool is_introduced = found->second.is_introduced;
      Erase(address);
      NoteOwnAddress(address, is_introduced);
      return Decide();
    }
    // Whoever became known first keeps its address.
    for (const auto& [other, node] : nodes_) {
      const bool is_same = other != address && node.report && node.report->run_id == report->run_id;
      if (!is_same || node.is_down) continue;
      const NodeAddress known = other;
      Erase(address);
      if (aliases_.size() < kMostNodes) aliases_[address] = known;
      return Decide();
    }
  }
  Node& node = found->second;
  node.answered = now;
  node.asked = 0;
  node.is_down = false;
  if (report) {
    const bool stays = node.report && node.report->is_primary == report->is_primary;
    if (!stays) node.in_role_since = now;
    node.reported = now;
    node.report = std::move(report);
  }
  Follow(now);
  ForgetForeign();
  Decide();
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
    // On the way somebody has not said yet what he is now: the node itself, which may even be this one; or, as the data
    // here is of a later epoch, one that follows it.
    if (report == nullptr || (report->is_primary && IsDeposed(*report))) return Resolve(own_.primary);
    if (report->is_primary) return Resolve(end);
    end = report->primary;
  }
  return {};
}

void Roster::Decide() {
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
    Claim claim{node.report->epoch.value_or(0), !node.is_down, !leads_ && address == primary_, address};
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
  ShardNode shown{.address = address,
                  .is_connected = node.is_connected,
                  .is_down = node.is_down,
                  .down_ms = node.is_down ? now - node.asked - down_after_ms_ : 0,
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

NodeAddress Roster::ListedAs(const std::vector<NodeAddress>& list, const ShardNode& node) const {
  const auto found = std::find_if(list.begin(), list.end(), [&](const NodeAddress& each) {
    return node.is_self ? IsSelf(each) : Resolve(each) == node.address;
  });
  return found == list.end() ? NodeAddress() : *found;
}

ShardView Roster::View(int64_t now) const {
  ShardView view{.service = service_, .down_after_ms = down_after_ms_};
  view.is_primary_known = leads_ || nodes_.contains(primary_);
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
  for (ShardNode& node : view.replicas) node.served_at = ListedAs(view.primary.report.replicas, node);
  std::sort(view.replicas.begin(), view.replicas.end(),
            [](const ShardNode& a, const ShardNode& b) { return a.address < b.address; });
  return view;
}

}  // namespace ringkv::server
