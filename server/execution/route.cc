// SPDX-License-Identifier: MIT
#include "server/execution/route.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/execution/denials.h"
#include "server/execution/stages.h"
#include "server/replication/replication.h"
#include "storage/base/key_slot.h"

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

std::string Redirection(std::string_view word, size_t slot, std::string_view host, int port) {
  return std::string(word) + " " + std::to_string(slot) + " " + std::string(host) + ":" + std::to_string(port);
}

// Sends the client to the node.
bool Redirect(Execution& execution, std::string_view word, size_t slot, const ClusterView& view,
              cluster::ShardIndex shard) {
  execution.outcome = outcome::Redirected{};
  const cluster::Node& node = view.PrimaryOf(shard);
  // Other nodes are told the address that they use among themselves.
  if (execution.session().speaks_node_link) return Reject(execution, Redirection(word, slot, node.host, node.port));
  const ShownNode& shown = view.Shown(node);
  const EndpointType type = execution.parts().cluster.endpoint_type();
  return Reject(execution, Redirection(word, slot, shown.Endpoint(type), shown.port));
}

// Why requests of this kind are refused while slots are not covered; empty if they aren't.
std::string_view WhyDown(const ExecutionParts& parts, const ClusterView& view, bool is_shard_channel, bool only_reads) {
  if (!parts.cluster.IsDown(view)) return {};
  if (is_shard_channel) return parts.options.cluster_allow_pubsubshard_when_down != 0 ? "" : errors::kClusterDown;
  if (parts.options.cluster_allow_reads_when_down == 0) return errors::kClusterDown;
  return only_reads ? "" : errors::kClusterOnlyReads;
}

bool AskOthers(Execution& execution, ProxyPlan plan) {
  if (!PermitForSubscriber(execution) || !PermitForMonitor(execution)) return false;
  execution.outcome = outcome::Elsewhere{std::make_unique<ProxyPlan>(std::move(plan))};
  return false;
}

// Where a request goes whose keys may be anywhere: as Route; nothing if it is no such request.
std::optional<bool> TakeApart(Execution& execution, const ClusterView& view) {
  std::optional<ProxyPlan> plan = PlanJoin(execution.row(), execution.argv(), view);
  if (!plan) return std::nullopt;
  if (plan->parts.empty()) return true;
  const auto most = static_cast<size_t>(execution.parts().options.cluster_proxy_max_parts);
  if (plan->parts.size() <= most) return AskOthers(execution, std::move(*plan));
  return Reject(execution, "ERR more than " + std::to_string(most) +
                               " keys of different slots in one request (cluster-proxy-max-parts); send fewer at a "
                               "time");
}

bool StandsIn(const cluster::SlotState& slot, const ClusterView& view, const ExecutionParts& parts) {
  return slot.owner == view.here.shard && StandsInForPrimary(view, parts);
}

bool PassOn(Execution& execution, cluster::ShardIndex shard, bool only_reads, bool asks) {
  ProxyPlan plan;
  plan.only_reads = only_reads;
  plan.takes_turns = execution.takes_turns();
  if (execution.runs_queued()) {
    // Without ASKING, which would be needed before each command: a node that does not own the slot yet answers
    // EXECABORT in any case.
    plan.join = Join::kTransaction;
    plan.queued = execution.session().queue.Close();
    execution.session().UnwatchAll();
    plan.parts.push_back({{"MULTI"}, shard});
    for (const auto& queued : plan.queued) plan.parts.push_back({queued.argv, shard});
    plan.parts.push_back({{"EXEC"}, shard});
  } else {
    plan.asks = asks;
    plan.parts.push_back({{execution.argv().begin(), execution.argv().end()}, shard});
  }
  return AskOthers(execution, std::move(plan));
}

// Connections to other nodes are shared: what one client says of its own must not reach them.
bool MeansItsConnection(const TransactionQueue& queue) {
  return std::any_of(queue.commands().begin(), queue.commands().end(), [](const TransactionQueue::Queued& queued) {
    return queued.command->row->run.data == nullptr && !queued.command->row->Has(kImpersonal);
  });
}

// The properties of a request that decide its route; for EXEC, those of the queued commands.
struct Reach {
  CommonSlot slots;
  bool only_reads = false;
  bool empties_all = false;
};

Reach ReachOf(const Execution& execution) {
  const Command& row = execution.row();
  Reach reach{.slots = {}, .only_reads = row.Is(kReadOnly), .empties_all = EmptiesAll(row)};
  if (execution.request.position) {
    reach.slots.Add(SlotAt(*execution.request.position));
  } else if (execution.runs_queued()) {
    reach.only_reads = true;
    for (const auto& queued : execution.session().queue.commands()) {
      reach.slots.AddKeys(*queued.command->row, queued.argv);
      reach.only_reads = reach.only_reads && !queued.command->row->Is(kWrite);
      reach.empties_all = reach.empties_all || EmptiesAll(*queued.command->row);
    }
  } else {
    reach.slots.AddKeys(row, execution.argv());
  }
  return reach;
}

// Whether other nodes may be asked for it instead of the client being sent to them.
bool IsPassedOn(const Execution& execution) {
  Session& session = execution.session();
  if (execution.parts().options.cluster_redirect == 0 || session.speaks_node_link) return false;
  // Subscriptions need the client's own connection, and a blocking command would block other clients of the shared one.
  const Command& row = execution.row();
  const bool is_personal = row.channels.Is(kChannelSubscribe | kChannelUnsubscribe);
  const bool waits = !session.queue.is_open() && (row.MayWait(execution.argv()) || row.Has(kAnswersLate));
  // Another node would let a script do what the user of this node's links may do.
  const bool calls = row.Has(kRunsScript) && RestrictedUser(execution.parts(), session) != nullptr;
  // Only the node that has a key can tell when it changes.
  const bool reads = row.Is(kReadOnly) && row.keys.first != 0;
  const bool keeps = session.tracking.is_on && (reads || row.Has(kRunsScript) || execution.runs_queued());
  return execution.caller.may_ask_others && !is_personal && !waits && !calls && !keeps;
}

// Of a transaction that another node would execute for the user of this node's links.
bool ArePermitted(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  Session& session = execution.session();
  if (RestrictedUser(parts, session) == nullptr) return true;
  for (const auto& queued : session.queue.commands()) {
    if (queued.command->row->Has(kRunsScript)) return Refuse(execution, errors::kScriptElsewhere);
    const Denial denial =
        CheckPermission(parts, session, *session.card, *queued.command, queued.argv, DenialContext::kTransaction);
    if (denial.is_denied()) return Refuse(execution, DescribeLateDenial(denial));
  }
  return true;
}

// EXEC of keys of another node, which can't hold the transaction back when a key that is watched here changes.
bool EndWatched(Execution& execution) {
  Session& session = execution.session();
  if (!session.watch.touched.load(std::memory_order_relaxed)) {
    return Reject(execution, errors::kWatchedButElsewhere);
  }
  session.queue.Close();
  session.UnwatchAll();
  execution.reply().NullArray();
  return false;
}

// As PassOn, but refuses what would act on the shared connection, or depends on this node.
bool PassOnIfAllowed(Execution& execution, cluster::ShardIndex shard, bool only_reads, bool asks) {
  const Session& session = execution.session();
  if (execution.row().Has(kWatchesKeys)) return Reject(execution, errors::kWatchElsewhere);
  if (session.queue.has_failed()) return true;  // EXEC says so itself
  if (execution.runs_queued() && !session.watch.keys.empty()) return EndWatched(execution);
  if (execution.runs_queued() && MeansItsConnection(session.queue)) {
    return Reject(execution, errors::kOwnConnectionElsewhere);
  }
  if (execution.runs_queued() && !ArePermitted(execution)) return false;
  return PassOn(execution, shard, only_reads, asks);
}

// This node is the one that others would be sent to, and has not been elected.
bool IsLedByNobody(const cluster::SlotState& state, const ClusterView& view) {
  return state.owner == view.here.shard && !view.here.is_primary && view.PrimaryOf(state.owner).id == view.id;
}

// The slot is another shard's.
bool Moved(Execution& execution, size_t slot, const cluster::SlotState& state, const ClusterView& view,
           bool only_reads) {
  if (IsLedByNobody(state, view)) return Reject(execution, errors::kNoLease);
  if (!IsPassedOn(execution)) return Redirect(execution, "MOVED", slot, view, state.owner);
  return PassOnIfAllowed(execution, state.owner, only_reads, false);
}

// The slot is about to be another shard's, and its key isn't here.
bool Asks(Execution& execution, size_t slot, const cluster::SlotState& state, const ClusterView& view,
          bool only_reads) {
  if (IsPassedOn(execution)) return PassOnIfAllowed(execution, state.offered_to, only_reads, true);
  return Redirect(execution, "ASK", slot, view, state.offered_to);
}

}  // namespace

bool StandsInForPrimary(const ClusterView& view, const ExecutionParts& parts) {
  const LinkPhase phase = parts.replication.link().phase();
  return parts.options.cluster_read_from_replica != 0 && !view.here.is_primary &&
         (phase == LinkPhase::kConnect || phase == LinkPhase::kConnecting);
}

bool Route(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  Session& session = execution.session();
  const Command& row = execution.row();
  const bool passes_on = IsPassedOn(execution);
  // EXEC routes the queued commands as a whole and may forward them, so the state of this node does not matter yet.
  if (passes_on && session.queue.is_open() && !row.Has(kRunsInMulti)) {
    execution.unmet &= kPermissions;
    return true;
  }
  execution.was_asking = std::exchange(session.is_asking, false);
  cluster::RequestTraits traits{.asks = execution.was_asking || row.Is(kAsks)};
  const Reach reach = ReachOf(execution);
  const ClusterView& view = ViewOf(parts, execution.thread());
  if (reach.empties_all && view.held.any()) return execution.Postpone({.is_blocked = true});
  const bool is_of_all = row.scope != Scope::kNothing || row.joinable.spread == Spread::kEachShard;
  const bool may_be_spread = reach.slots.differs() || (!reach.slots.has_any() && is_of_all);
  if (passes_on && may_be_spread && !session.queue.is_open()) {
    if (const std::optional<bool> is_here = TakeApart(execution, view)) return *is_here;
  }
  if (!reach.slots.has_any()) return true;
  if (reach.slots.differs()) return Reject(execution, errors::kCrossSlot);
  // A shard channel is on all nodes of its shard, and there is nothing to be behind with.
  const bool is_shard_channel = row.keys.flags == kKeyNot;
  const bool may_read_here = reach.only_reads || row.Has(kWatchesKeys | kRunsScript);
  traits.reads_here = is_shard_channel || (session.reads_from_replica && may_read_here);
  const size_t slot = reach.slots.slot();
  const cluster::SlotState state = view.StateOf(slot);
  if (StandsIn(state, view, parts)) {
    return reach.only_reads || is_shard_channel || Reject(execution, errors::kSlotNotServed);
  }
  if (state.owner != cluster::kNoShard && !session.repeats_another_server()) {
    const std::string_view why = WhyDown(parts, view, is_shard_channel, may_read_here);
    if (!why.empty()) return Reject(execution, why);
  }
  switch (RouteSlot(state, view.here, traits)) {
    case cluster::SlotRoute::kHere: return true;
    case cluster::SlotRoute::kWait: return execution.Postpone({.is_blocked = true});
    case cluster::SlotRoute::kMoved: return Moved(execution, slot, state, view, reach.only_reads);
    case cluster::SlotRoute::kAsk: return Asks(execution, slot, state, view, reach.only_reads);
    case cluster::SlotRoute::kTryAgain: return Reject(execution, errors::kTryAgain);
    case cluster::SlotRoute::kDown: break;
  }
  return Reject(execution, errors::kSlotNotServed);
}

std::string WhyNotServedHere(const WaitingRequest& request, const ExecutionParts& parts) {
  if (!parts.cluster.is_enabled()) return {};
  const std::shared_ptr<const ClusterView> view = parts.cluster.view();
  CommonSlot common;
  common.AddKeys(*request.command->row, std::vector<std::string_view>(request.argv.begin(), request.argv.end()));
  const cluster::SlotState state = view->StateOf(common.slot());
  const bool only_reads = request.command->row->Is(kReadOnly);
  if (only_reads && StandsIn(state, *view, parts)) return {};
  if (state.owner != cluster::kNoShard) {
    if (const std::string_view why = WhyDown(parts, *view, false, only_reads); !why.empty()) return std::string(why);
  }
  switch (RouteSlot(state, view->here, {.reads_here = only_reads && request.reads_from_replica})) {
    case cluster::SlotRoute::kMoved: {
      if (IsLedByNobody(state, *view)) return std::string(errors::kNoLease);
      const ShownNode& shown = view->Shown(view->PrimaryOf(state.owner));
      return Redirection("MOVED", common.slot(), shown.Endpoint(parts.cluster.endpoint_type()), shown.port);
    }
    case cluster::SlotRoute::kDown: return std::string(errors::kSlotNotServed);
    case cluster::SlotRoute::kAsk:  // it is being settled, which is told
    case cluster::SlotRoute::kHere:
    case cluster::SlotRoute::kWait:
    case cluster::SlotRoute::kTryAgain: break;
  }
  return {};
}

}  // namespace ringkv::server
