// SPDX-License-Identifier: MIT
// The keys of shards and nodes in etcd and their values (docs/formats/coordinator.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/lsn.h"

namespace ringkv::cluster {

// The names of a shard's keys.
class ShardKeys {
 public:
  // Of `cluster`, as in the option `coordinator`.
  ShardKeys(std::string_view cluster, std::string_view shard)
      : prefix_(AllShards(cluster) + std::string(shard) + "/") {}
  static std::string AllShards(std::string_view cluster) { return "/ringkv/" + std::string(cluster) + "/shards/"; }

  const std::string& prefix() const { return prefix_; }  // all of them begin so
  std::string record() const { return prefix_ + "record"; }
  std::string lead() const { return prefix_ + "lead"; }
  std::string handover() const { return prefix_ + "handover"; }
  std::string candidate(std::string_view id) const { return candidates() + std::string(id); }
  std::string candidates() const { return prefix_ + "candidates/"; }

 private:
  std::string prefix_;
};

// The names of the keys of living nodes.
class NodeKeys {
 public:
  explicit NodeKeys(std::string_view cluster) : prefix_("/ringkv/" + std::string(cluster) + "/nodes/") {}

  const std::string& prefix() const { return prefix_; }
  std::string node(std::string_view id) const { return prefix_ + std::string(id); }

 private:
  std::string prefix_;
};

// The names of the keys that all shards of a cluster have together; an elected shard without cluster mode has none.
class ClusterKeys {
 public:
  explicit ClusterKeys(std::string_view cluster) : prefix_("/ringkv/" + std::string(cluster) + "/") {}

  const std::string& prefix() const { return prefix_; }  // all keys of the cluster, its shards' too, begin so
  std::string topology() const { return prefix_ + "topology"; }
  // Every change of the topology and every election of a shard takes the next number, in its transaction.
  std::string epoch() const { return prefix_ + "epoch"; }
  // Where a node was last, without a lease.
  std::string address(std::string_view id) const { return prefix_ + "addresses/" + std::string(id); }

 private:
  std::string prefix_;
};

// The truth of a shard. It outlives its nodes.
struct ShardRecord {
  uint64_t epoch = 0;  // grows with each election
  std::string primary = {};
  // Each of these has every acknowledged write; no others can be elected.
  std::vector<std::string> in_sync;
  std::vector<std::string> members;
};

// Who is the primary now: on its lease.
struct Lead {
  std::string id;
  uint64_t epoch = 0;
  std::string host;
  int64_t port = 0;
  bool operator==(const Lead&) const = default;
};

// Of an election, on the candidate's lease.
struct Candidate {
  uint64_t after = 0;      // the epoch that is to be succeeded
  uint64_t epoch = 0;      // of its data
  storage::Lsn last = 0;   // its last group that outlives a crash
  bool is_intact = false;  // it still has everything that it has ever acknowledged
  bool operator==(const Candidate&) const = default;
};

// A node that lives, on its lease (NodePresence).
struct LivingNode {
  std::string shard;
  std::string host;
  int64_t port = 0;
  std::string version = {};
};

// A primary that hands its lead over asks its heir for a lease to put it on: on the lease of who has said it last.
struct Handover {
  std::string heir;
  uint64_t after = 0;     // the epoch that is to be succeeded
  bool is_ready = false;  // the heir has answered
  std::string host = {};  // of the heir, if it has
  int64_t port = 0;
  bool operator==(const Handover&) const = default;
};

std::string Print(const ShardRecord& record);
std::string Print(const Lead& lead);
std::string Print(const Candidate& candidate);
std::string Print(const LivingNode& node);
std::string Print(const Handover& handover);
bool IsAmong(const std::vector<std::string>& ids, std::string_view id);
// Null if it is none.
std::optional<ShardRecord> ParseShardRecord(std::string_view text);
std::optional<Lead> ParseLead(std::string_view text);
std::optional<Candidate> ParseCandidate(std::string_view text);
std::optional<LivingNode> ParseLivingNode(std::string_view text);
std::optional<Handover> ParseHandover(std::string_view text);

}  // namespace ringkv::cluster
