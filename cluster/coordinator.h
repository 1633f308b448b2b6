// SPDX-License-Identifier: MIT
// The seam to whoever says what the cluster is: a file that people write, or a service that agrees on it.
#pragma once

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class Coordinator {
 public:
  virtual ~Coordinator() = default;
  // The topology as it should be now.
  virtual storage::Result<Topology> Fetch() = 0;
  // Makes the text, which is a topology, what it should be.
  virtual storage::Status Publish(std::string_view text) = 0;
};

}  // namespace ringkv::cluster
