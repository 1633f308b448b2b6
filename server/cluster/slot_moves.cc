// SPDX-License-Identifier: MIT
#include "server/cluster/slot_moves.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "server/base/text.h"
#include "server/node_link/handshake.h"
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
constexpr int64_t kAskEveryMs = 200;
constexpr int64_t kAskAgainMs = 1000;  // retry of an unreachable shard
constexpr int64_t kShardConnectMs = 500;
// Others may need so long to learn that slots have moved; until then their clients may be sent here for a look.
constexpr int64_t kKeepStraysMs = 2000;
constexpr int64_t kEraseForMs = 4;

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
  StartExports(*view);
  const bool all_is_settled =
      view->slots == view->topology.slots() && state_.ledger().offers().empty() && state_.ledger().strays().none();
  if (all_is_settled) return false;
  if (view->here.is_primary) StartImports(*view);
  AskOthers(*view);
  if (view->here.is_primary) {
    TakeUnclaimed(*view);
    EraseStrays(*view);
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
      SettleOffer(pull.request.epoch, pull.request.shard, pull.request.owned, true);
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
  const SlotSet unknown = view.slots.SlotsOf(cluster::kNoShard);
  const SlotLedger ledger = state_.ledger();
  const int64_t now = parts_.world.clock.SteadyMs();
  for (size_t i = 0; i < view.topology.shards().size(); ++i) {
    const auto shard = static_cast<ShardIndex>(i);
    if (shard == view.here.shard && view.here.is_primary) continue;
    const std::string& name = view.topology.shards()[i].name;
    // It is the one to know, or anybody may.
    const bool is_asked = unknown.any() || ledger.offers().contains(name) ||
                          (view.topology.slots().SlotsOf(shard) & ~view.slots.SlotsOf(shard)).any();
    int64_t& next = next_question_ms_[name];
    if (!is_asked || now < next || interrupted_) continue;
    next = now + kAskAgainMs;
    AskShard(view, shard);
  }
}

Result<std::string> SlotMoves::AskWhatItOwns(const cluster::Node& primary) {
  const auto connected =
      PeerSocket::Connect(primary.host, primary.port, kShardConnectMs, interrupted_, ToNode(parts_.options));
  if (!connected) return tl::unexpected(connected.error());
  const int64_t timeout_ms = parts_.options.cluster_node_timeout;  // others wait to be asked
  const Status known = Authenticate(**connected, parts_.options, timeout_ms);
  if (!known) return tl::unexpected(known.error());
  return Ask(**connected, timeout_ms, {"CLUSTER", "OWNED"});
}

void SlotMoves::AskShard(const ClusterView& view, ShardIndex shard) {
  const std::string& name = view.topology.shards()[shard].name;
  const Result<std::string> answer = AskWhatItOwns(view.PrimaryOf(shard));
  {
    MutexLock lock(mutex_);
    const std::string failure = answer ? "" : answer.error().text;
    if (unanswered_[name].Note(failure, parts_.world.clock.SteadyMs())) {
      parts_.log.Warning("cluster: shard '" + name + "' can't be asked which slots it owns: " + failure +
                         "; trying again until it works");
    }
  }
  if (!answer) return;
  const std::vector<std::string_view> words = Words(*answer);
  uint64_t epoch = 0;
  if (words.size() < 3 || words[0] != "+OWNED" || words[2] != name ||
      std::sscanf(std::string(words[1]).c_str(), "%lu", &epoch) != 1) {
    return;
  }
  const auto ranges = cluster::ParseRanges({words.begin() + 3, words.end()});
  if (!ranges) return;
  next_question_ms_[name] = parts_.world.clock.SteadyMs() + kAskEveryMs;
  answered_at_[name] = view.topology.epoch();
  Learn(view, shard, epoch, cluster::SlotsIn(*ranges));
}

void SlotMoves::Learn(const ClusterView& view, ShardIndex shard, uint64_t epoch, const SlotSet& owned) {
  const std::string& name = view.topology.shards()[shard].name;
  const SlotLedger ledger = state_.ledger();
  const auto offer = ledger.offers().find(name);
  // It takes up nothing of an epoch that it has left behind.
  if (offer != ledger.offers().end()) {
    SettleOffer(view.topology.epoch(), name, owned, epoch > offer->second.epoch);
  }
  // Slots that the other shard has taken over since. About its own slots this node knows best.
  const SlotSet news = owned & ~view.slots.SlotsOf(shard) &
                       (view.here.is_primary ? ~view.slots.SlotsOf(view.here.shard) : SlotSet().set());
  if (news.none()) return;
  const Status learnt = state_.Change(view.topology.epoch(), [&](SlotLedger& changed) { changed.Give(news, name); });
  if (!learnt) parts_.log.Warning("cluster: " + learnt.error().text);
}

void SlotMoves::SettleOffer(uint64_t epoch, const std::string& shard, const SlotSet& owned, bool is_final) {
  const SlotLedger ledger = state_.ledger();
  const auto offer = ledger.offers().find(shard);
  if (offer == ledger.offers().end()) return;
  {
    // While it goes on its own link knows best.
    MutexLock lock(mutex_);
    if (std::any_of(exports_.begin(), exports_.end(), [&](const auto& each) { return each->shard() == shard; })) return;
  }
  const SlotSet taken = offer->second.slots & owned;
  if (!is_final && taken != offer->second.slots) return;
  const Status settled = state_.Change(epoch, [&](SlotLedger& changed) {
    changed.Give(taken, shard);
    changed.AddStrays(taken);
    changed.EndOffer(shard);
  });
  if (!settled) return parts_.log.Warning("cluster: " + settled.error().text);
  parts_.log.Notice("cluster: shard '" + shard + "' " + (taken.any() ? "took" : "did not take") +
                    " the slots that were offered to it");
}

void SlotMoves::TakeUnclaimed(const ClusterView& view) {
  const SlotSet unclaimed =
      state_.view()->slots.SlotsOf(cluster::kNoShard) & view.topology.slots().SlotsOf(view.here.shard);
  if (unclaimed.none()) return;
  for (const cluster::Shard& shard : view.topology.shards()) {
    const bool is_own = shard.name == view.shard_name();
    if (!is_own && answered_at_[shard.name] != view.topology.epoch()) return;
  }
  const std::string name = view.shard_name();
  const Status taken =
      state_.Change(view.topology.epoch(), [&](SlotLedger& changed) { changed.Give(unclaimed, name); });
  parts_.log.Notice(taken ? "cluster: no other node owns slots " + PrintRanges(cluster::RangesIn(unclaimed)) +
                                "; this node's shard takes them"
                          : "cluster: " + taken.error().text);
}

// --- what is left behind --------------------------------------------------------------------------------------------

void SlotMoves::EraseStrays(const ClusterView& view) {
  // An import erases incoming slots itself, before their keys arrive.
  const SlotSet strays =
      state_.ledger().strays() & ~view.topology.slots().SlotsOf(view.here.shard) & ~view.slots.SlotsOf(view.here.shard);
  const int64_t now = parts_.world.clock.SteadyMs();
  // Slots that are to come back may begin to come from here on: in this thread, after this look.
  if (eraser_ != nullptr && (erasing_ & ~strays).any()) eraser_.reset();
  if (eraser_ == nullptr) {
    if (strays.none()) {
      strays_since_ms_ = 0;
      return;
    }
    if (strays_since_ms_ == 0) strays_since_ms_ = now;
    if (now - strays_since_ms_ < kKeepStraysMs) return;
    erasing_ = strays;
    eraser_ =
        std::make_unique<storage::SlotEraser>(parts_.data.store(), cluster::PositionsOf(cluster::RangesIn(strays)));
  }
  const int64_t end = parts_.world.clock.SteadyMs() + kEraseForMs;
  bool goes_on = true;
  while (goes_on && parts_.world.clock.SteadyMs() < end) goes_on = eraser_->Step();
  if (goes_on) return;
  const uint64_t erased = eraser_->erased();
  eraser_.reset();
  strays_since_ms_ = 0;
  const Status noted =
      state_.Change(view.topology.epoch(), [&](SlotLedger& changed) { changed.RemoveStrays(erasing_); });
  if (noted) parts_.log.Notice("cluster: erased " + std::to_string(erased) + " keys of migrated slots");
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
