// SPDX-License-Identifier: MIT
#include "server/net/shard_channels.h"

#include <string>

#include "server/cluster/cluster_state.h"
#include "server/session/session.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {

void EndForeignChannels(const ClusterView& view, Broker& broker, Session& session, resp::ReplyWriter& pushes) {
  auto& channels = session.subscriptions.of(Topic::kShardChannel);
  for (auto each = channels.begin(); each != channels.end();) {
    if (view.slots.owner(storage::KeySlot(*each)) == view.here.shard) {
      ++each;
      continue;
    }
    const std::string name = *each++;
    session.subscriptions.Remove(Topic::kShardChannel, name);
    broker.Remove(Topic::kShardChannel, name, *session.card);
    pushes.Push(3);
    pushes.Bulk("sunsubscribe");
    pushes.Bulk(name);
    pushes.Integer(static_cast<int64_t>(channels.size()));
  }
  session.NoteSubscriptions();
}

}  // namespace ringkv::server
