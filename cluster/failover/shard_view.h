// SPDX-License-Identifier: MIT
// A shard's keys in etcd, and in a cluster those of all shards, as this node knows them: read once, then changed by
// what a watch reports and by what this node has committed itself. It may be behind; so every decision is a commit on
// the revisions that it was made on.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/failover/etcd.h"
#include "cluster/failover/shard_keys.h"

namespace ringkv::cluster {

class ShardView {
 public:
  explicit ShardView(const ShardKeys& keys) : keys_(keys) {}

  // All keys, as of that revision.
  void Reset(const std::vector<EtcdKey>& keys, int64_t revision);
  // What a watch reports, up to that revision.
  void Apply(const std::vector<EtcdKey>& changes, int64_t revision);
  // What this node has committed by that revision.
  void Apply(const CommitKeys& commit, int64_t revision);
  void Forget() { is_known_ = false; }

  bool is_known() const { return is_known_; }
  // Everything up to there is in it.
  int64_t revision() const { return revision_; }

  // Grows with every change.
  uint64_t version() const { return version_; }
  // The value of any key; empty: it is absent.
  std::string_view ValueOf(const std::string& key) const;

  const std::optional<ShardRecord>& record() const { return record_; }
  const std::optional<Lead>& lead() const { return lead_; }
  // That of the record's epoch.
  const std::optional<Handover>& handover() const { return handover_; }
  // By their ids; those that stand for the succession of the record's epoch.
  const std::map<std::string, Candidate>& candidates() const { return candidates_; }
  // The revision of a key's last change; 0: it is absent.
  int64_t RevisionOf(const std::string& key) const;
  // 0: it is absent, or on none.
  int64_t LeaseOf(const std::string& key) const;

 private:
  void Put(const EtcdKey& key);
  void Read();

  const ShardKeys keys_;
  std::map<std::string, EtcdKey> found_;
  bool is_known_ = false;
  int64_t revision_ = 0;
  uint64_t version_ = 0;
  // What the keys mean.
  std::optional<ShardRecord> record_;
  std::optional<Lead> lead_;
  std::optional<Handover> handover_;
  std::map<std::string, Candidate> candidates_;
};

}  // namespace ringkv::cluster
