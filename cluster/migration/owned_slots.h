// SPDX-License-Identifier: MIT
// What the primary of a shard says of its slots, in one line: the reply to CLUSTER OWNED.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/slot_map.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

struct OwnedSlots {
  uint64_t epoch = 0;  // of its topology
  std::string shard;
  SlotSet slots;
};

// "OWNED 4 shard 0-100 200"
std::string PrintOwned(const OwnedSlots& owned);
storage::Result<OwnedSlots> ParseOwned(std::string_view line);

}  // namespace ringkv::cluster
