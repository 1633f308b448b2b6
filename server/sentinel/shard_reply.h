// SPDX-License-Identifier: MIT
// The fields with which Sentinel describes primaries, replicas and Sentinels, in its order.
//
// Threads: pure functions.
#pragma once

#include "resp/reply_writer.h"
#include "server/sentinel/shard_view.h"

namespace ringkv::server {

void WritePrimary(resp::ReplyWriter& reply, const ShardView& view);
void WriteReplica(resp::ReplyWriter& reply, const ShardView& view, const ShardNode& node);
// A node that answers for the shard, which clients take for a Sentinel.
void WriteAnswering(resp::ReplyWriter& reply, const ShardView& view, const ShardNode& node);

}  // namespace ringkv::server
