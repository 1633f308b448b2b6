// SPDX-License-Identifier: MIT
// The interface to the source of the topology: a file, or a consensus service.
#pragma once

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class Coordinator {
 public:
  virtual ~Coordinator() = default;
  // The current target topology.
  virtual storage::Result<Topology> Fetch() = 0;
  // Publishes the text of a topology as the new target.
  virtual storage::Status Publish(std::string_view text) = 0;
};

}  // namespace ringkv::cluster
