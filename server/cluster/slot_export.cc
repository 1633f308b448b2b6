// SPDX-License-Identifier: MIT
#include "server/cluster/slot_export.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cluster/migration/slot_settlement.h"
#include "server/node_link/pump.h"
#include "storage/base/allocator.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

using cluster::SlotSet;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr uint64_t kKeysABatch = 32 * 1024;  // about so many, to keep what a crash takes back small
constexpr size_t kFramesAtOnce = 256 * 1024;

}  // namespace

SlotExport::SlotExport(const ClusterParts& parts, SlotOwnership& state, transport::Channel channel,
                       std::shared_ptr<ClientCard> card, PullRequest request)
    : parts_(parts), state_(state), socket_(std::move(channel)), card_(std::move(card)), request_(std::move(request)) {}

SlotExport::~SlotExport() {
  Interrupt();
  if (thread_.joinable()) thread_.join();
  parts_.clients.Remove(card_->id);
}

void SlotExport::Start() {
  thread_ = std::thread([this] { Run(); });
}

void SlotExport::Interrupt() {
  interrupted_ = true;
  socket_.Interrupt();
}

void SlotExport::Run() {
  NameThisThread("slots-out");
  storage::CountMemoryOfThisThread();
  cluster::SlotSender sender(*this, request_.epoch);
  const storage::Error ended = Pump(sender, socket_, parts_.world.clock);
  Release(sender.batch());
  if (!sender.was_offered()) TakeBackOffer(sender.batch());
  if (!sender.has_finished() && !interrupted_) {
    parts_.log.Warning("migrating slots to shard '" + request_.shard + "' has stopped: " + ended.text);
  }
  has_ended_ = true;
}

void SlotExport::TakeBackOffer(const SlotSet& slots) {
  const auto take_back = [&](cluster::SlotLedger& ledger) { ledger.EndOffer(request_.shard); };
  if (!state_.ledger().IsOffered(slots, request_.shard)) return;
  if (const Status noted = state_.Change(state_.epoch(), take_back); !noted) {
    parts_.log.Warning("cluster: " + noted.error().text);
  }
}

// --- slots ----------------------------------------------------------------------------------------------------------

SlotSet SlotExport::SlotsToMove(bool keeps_one) {
  const std::shared_ptr<const ClusterView> view = state_.view();
  if (view->topology.epoch() != request_.epoch) return {};
  const size_t own = std::max<size_t>(view->slots.CountOf(view->here.shard), 1);
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  const size_t most = std::max<size_t>(kKeysABatch * own / (SizeOf(txn, 0).keys + 1), 1);
  const cluster::SlotLedger ledger = state_.ledger();
  const cluster::KnownSlots known{view->topology, view->here, view->slots, ledger};
  return known.BatchFor(view->topology.FindShard(request_.shard), most, keeps_one);
}

size_t SlotExport::CountOwned() {
  const std::shared_ptr<const ClusterView> view = state_.view();
  return view->slots.CountOf(view->here.shard);
}

// --- keys and their changes -----------------------------------------------------------------------------------------

std::string SlotExport::BeginBatch(const SlotSet& slots) {
  const std::vector<cluster::SlotRange> ranges = cluster::RangesIn(slots);
  stream_.emplace(parts_.data.store(), cluster::PositionsOf(ranges),
                  static_cast<int>(parts_.options.snapshot_compression_level));
  parts_.replication.NumberChanges();
  tail_ = parts_.replication.backlog().TailFrom(appended() + 1);
  return cluster::EncodeSlotBatch({.source = parts_.data.store().placement(), .ranges = ranges});
}

bool SlotExport::NextBlock(std::string* section) {
  const uint64_t before = stream_->keys();
  const bool has_more = stream_->NextBlock(section);
  keys_ += stream_->keys() - before;
  return has_more;
}

Result<bool> SlotExport::ReadChanges(std::string* changes) {
  const storage::Backlog::ReadResult found = tail_->Read(kFramesAtOnce, &frames_);
  if (found == storage::Backlog::ReadResult::kNothingYet) return false;
  if (found == storage::Backlog::ReadResult::kGone) {
    return Fail("it is too slow: LSN " + std::to_string(tail_->next()) +
                " is neither in the backlog nor in the log (repl-backlog-size)");
  }
  for (const auto& frame : frames_) {
    if (!stream_->Filter(*frame, changes)) return Fail("the log has an effect that cannot be restricted to slots");
  }
  return true;
}

// --- the hand-over --------------------------------------------------------------------------------------------------

bool SlotExport::HasRoundEnded() { return round_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

bool SlotExport::Hold(const SlotSet& slots, int64_t most_ms) {
  state_.Hold(slots);
  return parts_.links.WaitForRound(interrupted_, most_ms);  // a script may take longer
}

void SlotExport::Release(const SlotSet& slots) {
  state_.Release(slots);
  parts_.links.ResumePaused();
}

void SlotExport::NoteAttemptsInVain(const SlotSet& slots, uint32_t count) {
  parts_.log.Warning("cluster: slots " + PrintRanges(cluster::RangesIn(slots)) + " can't be handed over to shard '" +
                     request_.shard + "' yet, after " + std::to_string(count) +
                     " attempts: it is slow to take changes, or requests here take long; trying again until it works");
}

Status SlotExport::PrepareOffer(const SlotSet& slots) {
  return state_.PrepareOffer(request_.epoch, slots, request_.shard);
}

Status SlotExport::Give(const SlotSet& slots) {
  const auto give = [&](cluster::SlotLedger& ledger) { ledger.GiveAway(slots, request_.shard); };
  const Status given = state_.Change(request_.epoch, give);
  if (given) {
    parts_.log.Notice("cluster: slots " + PrintRanges(cluster::RangesIn(slots)) + " belong to shard '" +
                      request_.shard + "' now");
  }
  return given;
}

}  // namespace ringkv::server
