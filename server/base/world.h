// SPDX-License-Identifier: MIT
// What a server touches of the world outside of its process, sockets aside: time, disk, chance. A test hands in others.
#pragma once

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

// All of it outlives the server.
struct World {
  const storage::Clock& clock;
  storage::FileSystem& files;
  storage::Chance& chance;
};

}  // namespace ringkv::server
