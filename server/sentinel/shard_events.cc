// SPDX-License-Identifier: MIT
#include "server/sentinel/shard_events.h"

#include <algorithm>
#include <utility>

namespace ringkv::server {
namespace {

std::string WordsOf(const NodeAddress& address) { return address.host + " " + std::to_string(address.port); }

std::string DescribePrimary(const ShardView& view) {
  return "master " + view.service + " " + WordsOf(view.primary.address);
}

// `name`: of a replica its address, of a node that answers for the shard its run id.
std::string Describe(std::string_view type, std::string_view name, const ShardNode& node, const ShardView& view) {
  return std::string(type) + " " + std::string(name) + " " + WordsOf(node.address) + " @ " + view.service + " " +
         WordsOf(view.primary.address);
}
std::string DescribeReplica(const ShardNode& node, const ShardView& view) {
  return Describe("slave", node.address.Text(), node, view);
}
std::string DescribeAnswering(const ShardNode& node, const ShardView& view) {
  return Describe("sentinel", node.report.run_id, node, view);
}

// This node is the same wherever it is said to be.
bool AreSame(const ShardNode& a, const ShardNode& b) {
  return a.is_self || b.is_self ? a.is_self == b.is_self : a.address == b.address;
}

const ShardNode* FindIn(const std::vector<ShardNode>& nodes, const ShardNode& node) {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& each) { return AreSame(each, node); });
  return found == nodes.end() ? nullptr : &*found;
}

class Comparison {
 public:
  Comparison(const ShardView& before, const ShardView& after)
      : before_(before), after_(after), has_switched_(!AreSame(before.primary, after.primary)) {}

  std::vector<ShardEvent> Run() {
    if (!after_.primary.address.is_known()) return {};
    NoteHandOver();
    if (has_switched_ && before_.primary.address.is_known()) NoteSwitch();
    if (!has_switched_) NoteHealth(before_.primary, after_.primary, DescribePrimary(after_));
    for (const ShardNode& node : after_.replicas) NoteReplica(node);
    for (const ShardNode& node : after_.answering) NoteAnswering(node);
    return std::move(events_);
  }

 private:
  void Add(std::string_view channel, std::string message) { events_.push_back({channel, std::move(message)}); }

  void NoteHandOver() {
    if (before_.hand_over == after_.hand_over) return;
    if (before_.hand_over == HandOver::kNone) Add("+try-failover", DescribePrimary(after_));
    if (after_.hand_over == HandOver::kAwaitsPromotion) {
      Add("+failover-state-wait-promotion", DescribePrimary(after_));
    }
    if (after_.hand_over == HandOver::kNone && !has_switched_) {
      Add("-failover-abort-slave-timeout", DescribePrimary(after_));
    }
  }

  void NoteSwitch() {
    if (after_.primary.is_self) {
      const ShardNode* promoted = FindIn(before_.replicas, after_.primary);
      if (promoted != nullptr && promoted->address.is_known()) {
        Add("+promoted-slave", DescribeReplica(*promoted, before_));
      }
    }
    if (before_.primary.is_self) Add("+failover-end", DescribePrimary(before_));
    Add("+switch-master",
        after_.service + " " + WordsOf(before_.primary.address) + " " + WordsOf(after_.primary.address));
  }

  // As Sentinel, which finds all replicas of a new primary anew.
  void NoteReplica(const ShardNode& node) {
    if (!node.address.is_known()) return;
    const ShardNode* known = FindIn(before_.replicas, node);
    const bool is_new = known == nullptr || !known->address.is_known();
    if (is_new || has_switched_) Add("+slave", DescribeReplica(node, after_));
    if (known != nullptr) NoteHealth(*known, node, DescribeReplica(node, after_));
    if (known == nullptr && node.is_down) Add("+sdown", DescribeReplica(node, after_));
  }

  void NoteAnswering(const ShardNode& node) {
    const ShardNode* known = FindIn(before_.answering, node);
    if (known == nullptr) return Add("+sentinel", DescribeAnswering(node, after_));
    NoteHealth(*known, node, DescribeAnswering(node, after_));
  }

  void NoteHealth(const ShardNode& before, const ShardNode& after, const std::string& described) {
    const bool restarted = !before.report.run_id.empty() && before.report.run_id != after.report.run_id;
    if (restarted && !after.is_self && !after.is_down) Add("+reboot", described);
    if (before.is_down != after.is_down) Add(after.is_down ? "+sdown" : "-sdown", described);
  }

  const ShardView& before_;
  const ShardView& after_;
  const bool has_switched_;
  std::vector<ShardEvent> events_;
};

}  // namespace

std::vector<ShardEvent> EventsBetween(const ShardView& before, const ShardView& after) {
  return Comparison(before, after).Run();
}

ShardEvent ResetEvent(const ShardView& view) { return {"+reset-master", DescribePrimary(view)}; }

}  // namespace ringkv::server
