// SPDX-License-Identifier: MIT
// A node in a simulation whose role is decided through etcd: drives the state machine beside the process.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/failover/shard_member.h"
#include "cluster/node_id.h"
#include "tests/simulation/etcd_model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/replicated_node.h"

namespace ringkv::test {

class ElectedNode final : public std::enable_shared_from_this<ElectedNode>, private cluster::ShardMember::Node {
 public:
  struct Surroundings {
    Network& network;
    EtcdModel& etcd;
    std::function<bool(int)> is_intact;
    std::function<void(int, uint64_t)> note_primary;  // a node has become one
  };

  ElectedNode(std::shared_ptr<ReplicatedNode> process, Surroundings around)
      : process_(std::move(process)), around_(std::move(around)), member_(ConfigFor(process_->number()), *this) {}

  void Turn() {
    if (const int64_t rest = StoppedFor(); rest > 0) return TurnLater(rest);
    member_.Work(now());
    Pump();
  }

  // Makes that node the primary; its own clients write nothing meanwhile.
  void HandOverTo(int node) {
    member_.HandOverTo(IdOf(node), now());
    Turn();
  }

  int number() const { return process_->number(); }
  void Disconnect(bool is_noticed) { process_->Disconnect(is_noticed); }
  const std::shared_ptr<ReplicatedNode>& process() const { return process_; }
  const cluster::ShardMember& member() const { return member_; }
  bool MayServe() const { return now() < member_.valid_until(); }
  bool MayWrite() const { return MayServe() && !member_.lacks_members() && !member_.is_handing_over(); }
  static std::string IdOf(int node) { return cluster::NodeIdOf(std::to_string(node)); }

 private:
  static constexpr int64_t kTtlSeconds = 3;

  static cluster::ShardMember::Config ConfigFor(int node) {
    return {.cluster = "test",
            .id = IdOf(node),
            .host = "node",
            .port = node,
            .ttl_seconds = kTtlSeconds,
            .limits = {.patience_ms = 1500, .fewest = 2},
            .creates_after_ms = 100 * node};
  }

  int64_t now() const { return process_->clock().SteadyMs(); }
  int64_t StoppedFor() const {
    return around_.network.stopped_until(process_->number()) - around_.network.timeline().now();
  }

  void TurnLater(int64_t milliseconds) {
    around_.network.timeline().After(std::clamp<int64_t>(milliseconds, 0, 1'000'000),
                                     [node = weak_from_this(), turn = ++turn_] {
                                       const auto alive = node.lock();
                                       if (alive != nullptr && alive->turn_ == turn) alive->Turn();
                                     });
  }
  void Pump() {
    while (std::optional<cluster::EtcdCall> call = member_.NextCall(now())) {
      around_.etcd.Call(process_->number(), call->request, kTtlSeconds * 1000 / 6,
                        [node = weak_from_this(), number = call->number](const cluster::EtcdAnswer& answer) {
                          if (const auto alive = node.lock()) alive->Take(number, answer);
                        });
    }
    TurnLater(std::max<int64_t>(member_.wake_at() - now(), 1));
  }
  // Answers wait while the node is stopped, in the order in which they came.
  void Take(uint64_t number, const cluster::EtcdAnswer& answer) {
    heard_.emplace_back(number, answer);
    TakeHeard();
  }
  void TakeHeard() {
    if (const int64_t rest = StoppedFor(); rest > 0) {
      return around_.network.timeline().After(rest, [node = weak_from_this()] {
        if (const auto alive = node.lock()) alive->TakeHeard();
      });
    }
    if (heard_.empty()) return;
    for (; !heard_.empty(); heard_.pop_front()) member_.Take(heard_.front().first, heard_.front().second, now());
    Pump();
  }

  Copy copy() override {
    if (process_->is_replacing()) return {};
    const bool is_intact =
        process_->is_whole() && process_->is_secured() && process_->has_all() && around_.is_intact(process_->number());
    return {process_->epoch(), process_->secured(), is_intact};
  }
  storage::Lsn appended() override { return process_->appended(); }
  std::vector<cluster::MemberAck> acks() override { return process_->Acks(); }
  void CutOff() override { process_->Unfollow(); }
  void Follow(const cluster::Lead& lead) override {
    process_->NoteEpoch(lead.epoch);
    process_->Follow(static_cast<int>(lead.port));
  }
  void BecomePrimary(uint64_t epoch) override {
    if (process_->is_primary()) {
      process_->GoOnAsPrimary(epoch);
    } else {
      process_->Promote(epoch);
    }
    around_.note_primary(process_->number(), epoch);
  }

  const std::shared_ptr<ReplicatedNode> process_;
  const Surroundings around_;
  cluster::ShardMember member_;
  std::deque<std::pair<uint64_t, cluster::EtcdAnswer>> heard_;
  uint64_t turn_ = 0;
};

}  // namespace ringkv::test
