// SPDX-License-Identifier: MIT
// What Sentinel publishes when a shard changes: the channels and the messages, word for word.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/sentinel/shard_view.h"

namespace ringkv::server {

struct ShardEvent {
  std::string_view channel;
  std::string message;
};

// In the order in which Sentinel publishes them. Nothing is told of nodes whose address is not known.
std::vector<ShardEvent> EventsBetween(const ShardView& before, const ShardView& after);
// SENTINEL RESET of this shard.
ShardEvent ResetEvent(const ShardView& view);

}  // namespace ringkv::server
