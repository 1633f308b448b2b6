// SPDX-License-Identifier: MIT
// The place of this server in a cluster, for replication, which exists before the cluster.
//
// Threads: connected before others run.
#pragma once

#include <string>
#include <vector>

#include "server/base/shard_place.h"

namespace ringkv::server {

class LateShardPlace final : public ShardPlace {
 public:
  // `place` must outlive all callers. Until then the server is in no cluster.
  void Connect(const ShardPlace& place) { place_ = &place; }

  bool is_enabled() const override { return place_ != nullptr && place_->is_enabled(); }
  uint64_t epoch() const override { return place_->epoch(); }
  std::string node_id() const override { return place_->node_id(); }
  std::vector<std::string> shard_members() const override { return place_->shard_members(); }

 private:
  const ShardPlace* place_ = nullptr;
};

}  // namespace ringkv::server
