// SPDX-License-Identifier: MIT
// A primary and its replicas in a simulation, with clients, an operator and faults, all from one seed. Checks while it
// runs, and at the end, what replication with `repl-ack quorum` and `appendfsync always` promises.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/network.h"
#include "tests/simulation/replicated_node.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

class ReplicatedShard final : private NodeOwner {
 public:
  ReplicatedShard(uint64_t seed, size_t nodes);
  ~ReplicatedShard();

  // With faults for so long, then without any until all nodes are equal.
  void Run(int64_t milliseconds_of_faults);

  // What went wrong first; empty if nothing did.
  const std::string& violation() const { return violation_; }
  const Timeline& timeline() const { return timeline_; }
  uint64_t acknowledged() const { return acknowledged_count_; }
  uint64_t promotions() const { return promotions_; }

 private:
  struct Site {
    FaultyFileSystem disk;
    Promise promise;
    std::shared_ptr<ReplicatedNode> process;
  };

  std::shared_ptr<ReplicatedNode> Running(int node) override;
  void NoteAcknowledged(const std::string& key, uint64_t number) override;
  void Violate(int node, const std::string& what) override;
  size_t nodes() const override { return sites_.size(); }

  void Start(int node);
  void Kill(int node);
  // Ends the process of a disk that has died.
  void BuryTheDead();
  void LetClientsWrite();
  void DoHarm();
  void Harm(uint64_t kind);
  void Partition();
  // Asks so many replicas that one of them has every acknowledged write, and promotes the best. None of those that were
  // asked follows the old primary any more, or that one could go on to acknowledge writes.
  void PromoteOne();
  void HealAll();
  bool IsConverged();
  void CheckWrites();

  Timeline timeline_;
  Network network_{timeline_};
  std::vector<std::unique_ptr<Site>> sites_;
  int primary_ = 0;
  uint64_t epoch_ = 0;  // of the last promotion: the operator gives none twice
  // Each seed has kinds of faults of its own, and a rate: what always comes together hides what comes alone.
  std::vector<uint64_t> kinds_of_harm_;
  int64_t longest_peace_ms_ = 0;
  uint64_t written_ = 0;
  std::map<std::string, uint64_t> acknowledged_;  // the newest write of each key
  uint64_t acknowledged_count_ = 0;
  uint64_t promotions_ = 0;
  std::string violation_;
};

}  // namespace ringkv::test
