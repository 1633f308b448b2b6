// SPDX-License-Identifier: MIT
// etcd in a simulation: keys with revisions, leases that expire, commits, watches. Requests and answers are late or
// lost, requests happen after their deadline, nodes are cut off, and a majority of its members may be missing.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/failover/etcd.h"
#include "tests/simulation/timeline.h"

namespace ringkv::test {

class EtcdModel {
 public:
  using Reply = std::function<void(const cluster::EtcdAnswer&)>;

  explicit EtcdModel(Timeline& timeline) : timeline_(timeline) {}

  // `reply` is called once, at the deadline at the latest; of a watch for each batch, and at its end.
  void Call(int node, const cluster::EtcdRequest& request, int64_t deadline_ms, Reply reply);

  void CutRequests(int node) { deaf_to_.insert(node); }
  void CutAnswers(int node) { mute_to_.insert(node); }
  void LoseMajority();
  // All nodes reach it, and it has a majority.
  void Heal();
  void EndWatches();

  // Calls that have arrived.
  uint64_t calls() const { return calls_; }
  const std::map<std::string, cluster::EtcdKey>& keys() const { return keys_; }

 private:
  struct Lease {
    int64_t ttl_seconds = 0;
    int64_t expires_at = 0;
  };
  struct Watcher {
    int node = 0;
    std::string prefix;
    Reply reply;
    int64_t last_arrival = 0;
    bool has_ended = false;
  };
  struct Waiting {
    Reply reply;
    bool is_answered = false;
  };

  int64_t Delay() { return timeline_.Percent(4) ? timeline_.Between(0, 1500) : timeline_.Between(0, 4); }
  void Arrive(int node, const cluster::EtcdRequest& request, const std::shared_ptr<Waiting>& waiting);
  cluster::EtcdAnswer Execute(const cluster::EtcdRequest& request);
  cluster::EtcdAnswer Grant(int64_t ttl_seconds);
  cluster::EtcdAnswer Keep(int64_t lease);
  cluster::EtcdAnswer Read(const std::string& prefix) const;
  cluster::EtcdAnswer Commit(const cluster::CommitKeys& commit);
  void Watch(int node, const cluster::WatchKeys& request, Reply reply);
  void Extend(int64_t id);
  void ExpireIfDue(int64_t id);
  void EndLease(int64_t id);
  // These changes were made by one revision.
  void Tell(const std::vector<cluster::EtcdKey>& changes);
  void Send(const std::shared_ptr<Watcher>& watcher, cluster::EtcdAnswer answer);

  Timeline& timeline_;
  int64_t revision_ = 1;
  int64_t last_lease_ = 0;
  bool has_majority_ = true;
  uint64_t terms_ = 0;  // times at which the majority was lost
  uint64_t calls_ = 0;
  std::set<int> deaf_to_;
  std::set<int> mute_to_;
  std::map<std::string, cluster::EtcdKey> keys_;
  std::map<int64_t, Lease> leases_;
  std::vector<std::vector<cluster::EtcdKey>> past_;  // changes, by revision
  std::vector<std::shared_ptr<Watcher>> watchers_;
  std::vector<std::function<void()>> held_;  // until there is a majority
};

}  // namespace ringkv::test
