// SPDX-License-Identifier: MIT
// The place of this server in a cluster, as far as replication needs to know it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringkv::server {

class ShardPlace {
 public:
  virtual ~ShardPlace() = default;
  // The other functions may be called only if this is true.
  virtual bool is_enabled() const = 0;
  virtual uint64_t epoch() const = 0;  // of the topology
  virtual std::string node_id() const = 0;
  // The nodes of the shard, this one included, by their ids.
  virtual std::vector<std::string> shard_members() const = 0;
};

}  // namespace ringkv::server
