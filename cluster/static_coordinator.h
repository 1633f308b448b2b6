// SPDX-License-Identifier: MIT
// Reads the topology from a file. To change the cluster, write a file with a higher epoch.
#pragma once

#include <string>

#include "cluster/coordinator.h"
#include "storage/disk/file_system.h"

namespace ringkv::cluster {

class StaticCoordinator final : public Coordinator {
 public:
  // `files` must outlive the object.
  StaticCoordinator(storage::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // An error names the file and the line.
  storage::Result<Topology> Fetch() override;
  // Replaces the file.
  storage::Status Publish(std::string_view text) override;

 private:
  storage::FileSystem& files_;
  const std::string path_;
};

}  // namespace ringkv::cluster
