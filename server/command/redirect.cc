// SPDX-License-Identifier: MIT
#include "server/command/redirect.h"

#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/command/refusals.h"
#include "server/server.h"
#include "server/session/session.h"
#include "storage/key_slot.h"

namespace ringkv::server {
namespace {

// The one slot of all keys that were added.
class CommonSlot {
 public:
  void Add(size_t slot) {
    if (has_any_ && slot != slot_) differs_ = true;
    slot_ = slot;
    has_any_ = true;
  }
  void AddKeys(const Command& row, std::span<const std::string_view> argv) {
    ForEachKey(row, argv, [&](std::string_view key) { Add(storage::KeySlot(key)); });
  }
  bool has_any() const { return has_any_; }
  bool differs() const { return differs_; }
  size_t slot() const { return slot_; }

 private:
  bool has_any_ = false;
  bool differs_ = false;
  size_t slot_ = 0;
};

bool Refused(const CommandEntry& entry, std::string_view error, ThreadState& thread, Session& session,
             resp::ReplyWriter& reply) {
  Reject(&entry, error, thread, session, reply);
  if (entry.row->name == "exec") {
    session.queue.Close();
    session.UnwatchAll();
  }
  return true;
}

}  // namespace

bool Redirect(const CommandEntry& entry, const Request& request, Server& server, ThreadState& thread, Session& session,
              resp::ReplyWriter& reply) {
  CommonSlot common;
  bool only_reads = entry.row->Is(kReadOnly);
  if (request.position) {
    common.Add(request.position->value >> storage::kHashBitsBehindSlot);
  } else if (entry.row->name == "exec") {
    only_reads = true;
    for (const auto& queued : session.queue.commands()) {
      common.AddKeys(*queued.command->row, queued.argv);
      only_reads = only_reads && !queued.command->row->Is(kWrite);
    }
  } else {
    common.AddKeys(*entry.row, request.argv);
  }
  if (!common.has_any()) return false;
  if (common.differs()) return Refused(entry, errors::kCrossSlot, thread, session, reply);
  const ClusterView& view = ViewOf(server, thread);
  const bool reads_here = session.reads_from_replica && (only_reads || entry.row->name == "watch");
  const cluster::ShardIndex owner = view.topology.slots().owner(common.slot());
  if (RouteSlot(owner, view.here, reads_here) == cluster::Way::kHere) return false;
  const cluster::Node& primary = view.topology.PrimaryOf(common.slot());
  const std::string moved =
      "MOVED " + std::to_string(common.slot()) + " " + primary.host + ":" + std::to_string(primary.port);
  return Refused(entry, moved, thread, session, reply);
}

}  // namespace ringkv::server
