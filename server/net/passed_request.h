// SPDX-License-Identifier: MIT
// A request that other nodes answer, and the place of its reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/execution/proxy_plan.h"
#include "storage/base/lsn.h"

namespace ringkv::server {

// The replies to the parts of a request, until all are there.
struct JoinedReplies {
  Join join = Join::kOne;
  std::vector<std::string> replies;
  size_t missing = 0;
  cluster::ShardIndex first_shard = 0;
  size_t shards = 0;
  storage::Lsn lsn = 0;     // that the replies of this node depend on
  size_t bytes = 0;         // of the replies that are there
  bool is_refused = false;  // together they are longer than the client's reply may be, and are not kept
};

struct ReplyPlace {
  uint64_t connection = 0;  // the client's; 0: nobody waits for the reply
  uint64_t number = 0;
  std::shared_ptr<JoinedReplies> joined = nullptr;
  size_t part = 0;
};

// One request of a client, or a part of one.
struct PassedRequest {
  std::string bytes;              // as it is sent; several requests if `replies` is more than one
  size_t replies = 1;             // the number of replies to expect; the last one is the answer
  int protocol = 2;               // of the reply
  cluster::ShardIndex shard = 0;  // whose primary was asked first
  bool only_reads = false;
  bool takes_turns = false;
  bool asks = false;          // ASKING goes before it
  bool joins_writes = false;  // it keeps the order of the client's writes and scripts
  bool is_with_replica = false;
  bool is_message = false;  // that a client has published
  unsigned hops = 0;        // how often it was sent on
  ReplyPlace place;
};

}  // namespace ringkv::server
