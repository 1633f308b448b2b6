// SPDX-License-Identifier: MIT
// etcd, as a job of ringkv-cluster asks it: one question after the other.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cluster/failover/etcd.h"
#include "cluster_admin/jobs.h"
#include "etcd/etcd_client.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

class Coordinator {
 public:
  static storage::Result<std::unique_ptr<Coordinator>> Open(const CoordinatorOptions& options);

  // The name of the cluster.
  const std::string& cluster() const { return cluster_; }

  // Asks one member after the other until there is an answer, or none for long. A refusal is an answer. Not for
  // commits.
  storage::Result<cluster::EtcdAnswer> Ask(const cluster::EtcdRequest& request);
  // True: done. False: a condition is not met. An error: it may have happened.
  storage::Result<bool> Commit(const cluster::CommitKeys& commit);

 private:
  Coordinator(cluster::CoordinatorAddress address, etcd::EtcdClient::Access access);
  cluster::EtcdAnswer AskOnce(const cluster::EtcdRequest& request);

  const std::string cluster_;
  const std::string members_;
  const size_t count_;
  uint64_t last_number_ = 0;
  bool is_answered_ = false;
  cluster::EtcdAnswer answer_;
  etcd::EtcdClient client_;
};

}  // namespace ringkv::cluster_admin
