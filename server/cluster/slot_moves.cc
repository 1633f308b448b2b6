// SPDX-License-Identifier: MIT
#include "server/cluster/slot_moves.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cluster/migration/owner_question.h"
#include "server/base/text.h"
#include "server/node_link/handshake.h"
#include "server/node_link/peer_socket.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using cluster::ShardIndex;
using cluster::SlotLedger;
using cluster::SlotSet;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr auto kBusyNap = std::chrono::milliseconds(20);
constexpr auto kIdleNap = std::chrono::milliseconds(500);
constexpr int64_t kShardConnectMs = 500;
constexpr int64_t kEraseForMs = 4;

cluster::KnownSlots Known(const ClusterView& view, const SlotLedger& ledger) {
  return {view.topology, view.here, view.slots, ledger};
}

}  // namespace

void SlotMoves::Start() {
  MutexLock lock(mutex_);
  if (stopping_) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  is_woken_ = true;
  woken_.notify_one();
}

void SlotMoves::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    interrupted_ = true;
    pump_.Wake();
    woken_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  std::vector<std::unique_ptr<SlotImport>> imports;
  std::vector<std::unique_ptr<SlotExport>> exports;
  MutexLock lock(mutex_);
  imports.swap(imports_);
  exports.swap(exports_);
}

void SlotMoves::Admit(transport::Channel channel, std::shared_ptr<ClientCard> card, PullRequest request) {
  MutexLock lock(mutex_);
  pending_pulls_.push_back({std::move(channel), std::move(card), std::move(request)});
  is_woken_ = true;
  woken_.notify_one();
}

void SlotMoves::Run() {
  NameThisThread("slots");
  storage::CountMemoryOfThisThread();
  mutex_.Lock();
  while (!stopping_) {
    is_woken_ = false;
    mutex_.Unlock();
    const bool is_busy = Step();
    mutex_.Lock();
    const auto until = std::chrono::steady_clock::now() + (is_busy ? kBusyNap : kIdleNap);
    while (!stopping_ && !is_woken_ && mutex_.WaitUntil(woken_, until)) {
    }
  }
  mutex_.Unlock();
}

bool SlotMoves::Step() {
  const std::shared_ptr<const ClusterView> view = state_.view();
  ForgetEnded(*view);
  NoteMoves(*view);
  const bool is_told = !view->here.is_primary && state_.TakePrimarysLedger();
  if (view->here.is_primary && !state_.IsLedgerSafe()) return true;
  StartExports(*view);
  const SlotLedger before = state_.ledger();
  const bool is_settled = Known(*view, before).IsSettled();
  ForgetUnanswered(*view, is_settled);
  if (is_settled) return false;
  if (is_told) return true;
  if (view->here.is_primary) StartImports(*view);
  AskOthers(*view);
  if (view->here.is_primary) {
    // With what the answers have said.
    const std::shared_ptr<const ClusterView> now = state_.view();
    const SlotLedger ledger = state_.ledger();
    Conclude(*now, settlement_.TakeUnclaimed(Known(*now, ledger)));
    EraseStrays(*now);
  }
  return true;
}

// --- links ----------------------------------------------------------------------------------------------------------

void SlotMoves::ForgetEnded(const ClusterView& view) {
  std::vector<std::unique_ptr<SlotImport>> imports;
  std::vector<std::unique_ptr<SlotExport>> exports;
  MutexLock lock(mutex_);
  const auto take_out = [](auto& from, auto& into, const auto& is_over) {
    const auto first = std::partition(from.begin(), from.end(), [&](const auto& each) { return !is_over(*each); });
    std::move(first, from.end(), std::back_inserter(into));
    from.erase(first, from.end());
  };
  const bool leads = view.here.is_primary;
  take_out(imports_, imports,
           [&](const SlotImport& each) { return each.has_ended() || !leads || each.epoch() != view.topology.epoch(); });
  take_out(exports_, exports,
           [&](const SlotExport& each) { return each.has_ended() || !leads || each.epoch() != view.topology.epoch(); });
}

void SlotMoves::StartImports(const ClusterView& view) {
  for (const cluster::SlotMove& move : MovesTo(view.topology, view.slots)) {
    if (move.to != view.here.shard || move.from == cluster::kNoShard) continue;
    const std::string& from = view.topology.shards()[move.from].name;
    MutexLock lock(mutex_);
    if (std::any_of(imports_.begin(), imports_.end(), [&](const auto& each) { return each->shard() == from; })) {
      continue;
    }
    imports_.push_back(std::make_unique<SlotImport>(parts_, state_, view.topology.epoch(), from));
    imports_.back()->Start();
  }
}

void SlotMoves::StartExports(const ClusterView& view) {
  std::vector<PendingPull> pulls;
  {
    MutexLock lock(mutex_);
    pulls.swap(pending_pulls_);
  }
  for (PendingPull& pull : pulls) {
    std::unique_ptr<SlotExport> before;
    {
      MutexLock lock(mutex_);
      const auto found = std::find_if(exports_.begin(), exports_.end(),
                                      [&](const auto& each) { return each->shard() == pull.request.shard; });
      if (found != exports_.end()) {
        before = std::move(*found);
        exports_.erase(found);
      }
    }
    before.reset();
    // A shard that pulls again has forgotten open offers, unless it owns the slots.
    if (view.topology.epoch() == pull.request.epoch) {
      const SlotLedger ledger = state_.ledger();
      const cluster::KnownSlots known = Known(view, ledger);
      Conclude(view, settlement_.TakePull(known, pull.request.shard, pull.request.owned));
    }
    auto next = std::make_unique<SlotExport>(parts_, state_, std::move(pull.channel), std::move(pull.card),
                                             std::move(pull.request));
    MutexLock lock(mutex_);
    exports_.push_back(std::move(next));
    exports_.back()->Start();
  }
}

// --- what others know -----------------------------------------------------------------------------------------------

void SlotMoves::AskOthers(const ClusterView& view) {
  // One after the other: what follows from an answer may need others that were given after it.
  const SlotLedger ledger = state_.ledger();
  for (const ShardIndex shard : settlement_.ShardsToAsk(Known(view, ledger), parts_.world.clock.SteadyMs())) {
    if (!interrupted_) AskShard(view, shard);
  }
}

Result<cluster::OwnedSlots> SlotMoves::AskWhatItOwns(const cluster::Node& primary, const std::string& shard) {
  const std::unique_ptr<PeerSocket> socket =
      PeerSocket::Begin(primary.host, primary.port, kShardConnectMs, ToNode(parts_.options));
  const int64_t timeout_ms = parts_.options.cluster_node_timeout;  // others wait to be asked
  cluster::OwnerQuestion question(shard, AuthCommand(parts_.options), timeout_ms);
  pump_.Add(question.link(), *socket);
  while (!interrupted_) {
    const std::vector<LinkPump::Ended> ended = pump_.Turn(INT64_MAX);
    if (!ended.empty()) return question.Outcome(ended.front().why);
  }
  pump_.Remove(question.link());
  return storage::Fail("this node stops");
}

void SlotMoves::ForgetUnanswered(const ClusterView& view, bool is_settled) {
  MutexLock lock(mutex_);
  std::erase_if(unanswered_, [&](const auto& each) {
    return is_settled || view.topology.FindShard(each.first) == cluster::kNoShard;
  });
}

void SlotMoves::AskShard(const ClusterView& view, ShardIndex shard) {
  const std::string& name = view.topology.shards()[shard].name;
  const Result<cluster::OwnedSlots> answer = AskWhatItOwns(view.PrimaryOf(shard), name);
  {
    MutexLock lock(mutex_);
    const std::string failure = answer ? "" : answer.error().text;
    if (unanswered_[name].Note(failure, parts_.world.clock.SteadyMs())) {
      parts_.log.Warning("cluster: shard '" + name + "' can't be asked which slots it owns: " + failure +
                         "; trying again until it works");
    }
  }
  if (!answer) return;
  const SlotLedger ledger = state_.ledger();
  Conclude(view, settlement_.TakeAnswer(
                     Known(view, ledger), shard, answer->epoch, answer->slots,
                     [this](const std::string& other) { return IsExportingTo(other); }, parts_.world.clock.SteadyMs()));
}

bool SlotMoves::IsExportingTo(const std::string& shard) {
  MutexLock lock(mutex_);
  return std::any_of(exports_.begin(), exports_.end(), [&](const auto& each) { return each->shard() == shard; });
}

void SlotMoves::Conclude(const ClusterView& view, std::optional<cluster::SlotSettlement::Conclusion> conclusion) {
  // It was drawn from the ledger that is shown.
  if (!conclusion || (view.here.is_primary && !state_.IsLedgerSafe())) return;
  if (const Status written = state_.Change(view.topology.epoch(), conclusion->change); !written) {
    return parts_.log.Warning("cluster: " + written.error().text);
  }
  if (!conclusion->note.empty()) parts_.log.Notice("cluster: " + conclusion->note);
}

// --- what is left behind --------------------------------------------------------------------------------------------

void SlotMoves::EraseStrays(const ClusterView& view) {
  using Erasure = cluster::SlotSettlement::Erasure;
  const SlotLedger ledger = state_.ledger();
  const Erasure next = settlement_.NextErasure(Known(view, ledger), parts_.world.clock.SteadyMs());
  if (next != Erasure::kGoOn) eraser_.reset();
  if (next == Erasure::kNothing) return;
  if (next == Erasure::kBegin) {
    eraser_ = std::make_unique<storage::SlotEraser>(parts_.data.store(),
                                                    cluster::PositionsOf(cluster::RangesIn(settlement_.erasing())));
  }
  const int64_t end = parts_.world.clock.SteadyMs() + kEraseForMs;
  bool goes_on = true;
  while (goes_on && parts_.world.clock.SteadyMs() < end) goes_on = eraser_->Step();
  if (goes_on || !IsErasureSafe()) return;
  const uint64_t erased = eraser_->erased();
  eraser_.reset();
  const Status noted = state_.Change(view.topology.epoch(), settlement_.EndErasure());
  if (noted) parts_.log.Notice("cluster: erased " + std::to_string(erased) + " keys of migrated slots");
}

bool SlotMoves::IsErasureSafe() {
  storage::Durability& durability = parts_.data.durability();
  if (!durability.wants_log()) return true;
  // A log that is being switched on will hold it when its first snapshot is safe; one that has failed heals by itself.
  storage::LogWriter& log = durability.log();
  return log.is_open() && !log.has_failed() && log.Flush();
}

// --- progress -------------------------------------------------------------------------------------------------------

void SlotMoves::NoteMoves(const ClusterView& view) {
  std::map<std::pair<std::string, std::string>, size_t> totals;
  MutexLock lock(mutex_);
  for (const cluster::SlotMove& move : MovesTo(view.topology, view.slots)) {
    const std::string from = move.from == cluster::kNoShard ? "" : view.topology.shards()[move.from].name;
    const std::pair<std::string, std::string> way{from, view.topology.shards()[move.to].name};
    totals[way] = std::max(totals_.contains(way) ? totals_[way] : 0, move.slots.count());
  }
  totals_ = std::move(totals);
}

std::vector<SlotMoves::Progress> SlotMoves::progress() {
  const std::shared_ptr<const ClusterView> view = state_.view();
  NoteMoves(*view);
  std::vector<Progress> list;
  MutexLock lock(mutex_);
  for (const cluster::SlotMove& move : MovesTo(view->topology, view->slots)) {
    Progress& each = list.emplace_back();
    if (move.from != cluster::kNoShard) each.from = view->topology.shards()[move.from].name;
    each.to = view->topology.shards()[move.to].name;
    each.slots_left = move.slots.count();
    each.slots = totals_[{each.from, each.to}];
    for (const auto& [shard, failure] : unanswered_) {
      if (each.from.empty() && each.failure.empty() && !failure.text().empty()) {
        each.failure = "shard '" + shard + "' can't be asked which slots it owns: " + failure.text();
      }
    }
    for (const auto& import : imports_) {
      if (import->shard() != each.from || each.to != view->shard_name()) continue;
      each.keys = import->keys();
      each.failure = import->failure();
    }
    for (const auto& its_export : exports_) {
      if (its_export->shard() == each.to && each.from == view->shard_name()) each.keys = its_export->keys();
    }
  }
  return list;
}

}  // namespace ringkv::server
