// SPDX-License-Identifier: MIT
// What requests take, by slot and by key: counted only while somebody wants to know.
#pragma once

#include "server/observe/hot_keys.h"
#include "server/observe/slot_usage.h"

namespace ringkv::server {

struct Usage {
  SlotUsage slots;
  HotKeys hot_keys;
};

}  // namespace ringkv::server
