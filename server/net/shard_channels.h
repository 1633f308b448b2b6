// SPDX-License-Identifier: MIT
// Subscriptions to shard channels whose slot has moved to another shard.
//
// Threads: called by the client's.
#pragma once

#include "resp/reply_writer.h"

namespace ringkv::server {

class Broker;
class Session;
struct ClusterView;

// Ends them, and tells the client, as Redis does.
void EndForeignChannels(const ClusterView& view, Broker& broker, Session& session, resp::ReplyWriter& pushes);

}  // namespace ringkv::server
