// SPDX-License-Identifier: MIT
#include "server/command/redirect.h"

#include <algorithm>
#include <utility>

#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/command/proxy_plan.h"
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

Redirection Refused(const CommandEntry& entry, std::string_view error, ThreadState& thread, Session& session,
                    resp::ReplyWriter& reply) {
  Reject(&entry, error, thread, session, reply);
  return Redirection::kReplied;
}

std::string Elsewhere(std::string_view word, size_t slot, const cluster::Node& node) {
  return std::string(word) + " " + std::to_string(slot) + " " + node.host + ":" + std::to_string(node.port);
}

// What may empty a store must not do so while slots change hands: the keys would be gone here and come back there.
bool EmptiesAll(const Command& row) { return row.scope == Scope::kEverything && row.Is(kWrite); }

// Where a request goes whose keys may be anywhere; nothing if it is no such request.
std::optional<Redirection> TakeApart(const CommandEntry& entry, const Request& request, const ClusterView& view,
                                     Server& server, ThreadState& thread, Session& session, resp::ReplyWriter& reply) {
  std::optional<ProxyPlan> plan = PlanJoin(*entry.row, request.argv, view);
  if (!plan) return std::nullopt;
  if (plan->parts.empty()) return Redirection::kHere;
  const auto most = static_cast<size_t>(server.options().cluster_proxy_max_parts);
  if (plan->parts.size() > most) {
    const std::string error = "ERR more than " + std::to_string(most) +
                              " keys of different slots in one request (cluster-proxy-max-parts); send fewer at a time";
    return Refused(entry, error, thread, session, reply);
  }
  session.proxy_plan = std::make_unique<ProxyPlan>(std::move(*plan));
  return Redirection::kElsewhere;
}

// The primary of this replica can't be reached, and reads are to be answered all the same.
bool StandsIn(const cluster::SlotState& slot, const ClusterView& view, Server& server) {
  const LinkPhase phase = server.replication().link().phase();
  return server.options().cluster_read_from_replica != 0 && !view.here.is_primary && slot.owner == view.here.shard &&
         (phase == LinkPhase::kConnect || phase == LinkPhase::kConnecting);
}

Redirection PassOn(const CommandEntry& entry, const Request& request, cluster::ShardIndex shard, bool only_reads,
                   bool asks, Session& session) {
  auto plan = std::make_unique<ProxyPlan>();
  plan->only_reads = only_reads;
  plan->asks = asks;
  if (entry.row->Has(kRunsQueued)) {
    plan->join = Join::kTransaction;
    plan->queued = session.queue.Close();
    session.UnwatchAll();
    plan->parts.push_back({{"MULTI"}, shard});
    for (const auto& queued : plan->queued) plan->parts.push_back({queued.argv, shard});
    plan->parts.push_back({{"EXEC"}, shard});
  } else {
    plan->parts.push_back({{request.argv.begin(), request.argv.end()}, shard});
  }
  session.proxy_plan = std::move(plan);
  return Redirection::kElsewhere;
}

// Connections to other nodes are shared: what one client says of its own must not reach them.
bool MeansItsConnection(const TransactionQueue& queue) {
  return std::any_of(queue.commands().begin(), queue.commands().end(), [](const TransactionQueue::Queued& queued) {
    return queued.command->row->run.data == nullptr && !queued.command->row->Has(kImpersonal);
  });
}

}  // namespace

Redirection Redirect(const CommandEntry& entry, const Request& request, Server& server, ThreadState& thread,
                     Session& session, resp::ReplyWriter& reply) {
  // A subscriber gets messages over its own connection, and who waits would let others wait behind it.
  const bool is_personal = entry.row->channels.Is(kChannelSubscribe | kChannelUnsubscribe);
  const bool may_wait = !session.queue.is_open() && entry.row->MayWait(request.argv);
  const bool can_be_passed_on = !is_personal && !may_wait;
  const bool passes_on = server.options().cluster_redirect != 0 && !session.speaks_node_link && can_be_passed_on;
  // What is queued is looked at as a whole when it is to be executed.
  if (passes_on && session.queue.is_open() && !entry.row->Has(kRunsInMulti)) return Redirection::kHere;
  CommonSlot common;
  cluster::RequestTraits traits{.asks = std::exchange(session.is_asking, false)};
  bool only_reads = entry.row->Is(kReadOnly);
  bool empties_all = EmptiesAll(*entry.row);
  if (request.position) {
    common.Add(SlotAt(*request.position));
  } else if (entry.row->Has(kRunsQueued)) {
    only_reads = true;
    for (const auto& queued : session.queue.commands()) {
      common.AddKeys(*queued.command->row, queued.argv);
      only_reads = only_reads && !queued.command->row->Is(kWrite);
      empties_all = empties_all || EmptiesAll(*queued.command->row);
    }
  } else {
    common.AddKeys(*entry.row, request.argv);
  }
  const ClusterView& view = ViewOf(server, thread);
  if (empties_all && view.held.any()) return Redirection::kWait;
  const bool may_be_spread = common.differs() || (!common.has_any() && entry.row->scope != Scope::kNothing);
  if (passes_on && may_be_spread && !session.queue.is_open()) {
    if (const auto where = TakeApart(entry, request, view, server, thread, session, reply)) {
      return *where;
    }
  }
  if (!common.has_any()) return Redirection::kHere;
  if (common.differs()) return Refused(entry, errors::kCrossSlot, thread, session, reply);
  // A shard channel is on all nodes of its shard, and there is nothing to be behind with.
  const bool is_shard_channel = entry.row->keys.flags == kKeyNot;
  const bool may_read_here = only_reads || entry.row->Has(kWatchesKeys);
  traits.reads_here = is_shard_channel || (session.reads_from_replica && may_read_here);
  const size_t slot = common.slot();
  const cluster::SlotState state = view.StateOf(slot);
  if (StandsIn(state, view, server)) {
    return only_reads || is_shard_channel ? Redirection::kHere
                                          : Refused(entry, errors::kSlotNotServed, thread, session, reply);
  }
  switch (RouteSlot(state, view.here, traits)) {
    case cluster::Way::kHere: return Redirection::kHere;
    case cluster::Way::kWait: return Redirection::kWait;
    case cluster::Way::kMoved:
      if (passes_on && entry.row->Has(kWatchesKeys))
        return Refused(entry, errors::kWatchElsewhere, thread, session, reply);
      if (passes_on && session.queue.has_failed()) return Redirection::kHere;  // EXEC says so itself
      if (passes_on && entry.row->Has(kRunsQueued) && MeansItsConnection(session.queue)) {
        return Refused(entry, errors::kOwnConnectionElsewhere, thread, session, reply);
      }
      if (passes_on) return PassOn(entry, request, state.owner, only_reads, false, session);
      return Refused(entry, Elsewhere("MOVED", slot, view.PrimaryOf(state.owner)), thread, session, reply);
    case cluster::Way::kAsk:
      if (passes_on && !entry.row->Has(kRunsQueued)) {
        return PassOn(entry, request, state.offered_to, only_reads, true, session);
      }
      return Refused(entry, Elsewhere("ASK", slot, view.PrimaryOf(state.offered_to)), thread, session, reply);
    case cluster::Way::kTryAgain: return Refused(entry, errors::kTryAgain, thread, session, reply);
    case cluster::Way::kDown: break;
  }
  return Refused(entry, errors::kSlotNotServed, thread, session, reply);
}

std::string WhyNotServedHere(const WaitingRequest& request, Server& server) {
  if (!server.cluster().is_enabled()) return {};
  const std::shared_ptr<const ClusterView> view = server.cluster().view();
  CommonSlot common;
  common.AddKeys(*request.row, std::vector<std::string_view>(request.argv.begin(), request.argv.end()));
  const cluster::SlotState state = view->StateOf(common.slot());
  const bool only_reads = request.row->Is(kReadOnly);
  if (only_reads && StandsIn(state, *view, server)) return {};
  switch (RouteSlot(state, view->here, {.reads_here = only_reads && request.reads_from_replica})) {
    case cluster::Way::kMoved: return Elsewhere("MOVED", common.slot(), view->PrimaryOf(state.owner));
    case cluster::Way::kDown: return std::string(errors::kSlotNotServed);
    case cluster::Way::kAsk:  // it is being settled, which is told
    case cluster::Way::kHere:
    case cluster::Way::kWait:
    case cluster::Way::kTryAgain: break;
  }
  return {};
}

}  // namespace ringkv::server
