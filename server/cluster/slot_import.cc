// SPDX-License-Identifier: MIT
#include "server/cluster/slot_import.h"

#include <chrono>

#include "server/node_link/handshake.h"
#include "server/node_link/pump.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr int64_t kSourceConnectMs = 1000;
constexpr auto kRest = std::chrono::milliseconds(50);

}  // namespace

SlotImport::SlotImport(const ClusterParts& parts, SlotOwnership& state, uint64_t epoch, std::string shard)
    : parts_(parts), state_(state), epoch_(epoch), shard_(std::move(shard)) {}

SlotImport::~SlotImport() {
  stopping_ = true;
  socket_.Interrupt();
  if (thread_.joinable()) thread_.join();
}

void SlotImport::Start() {
  thread_ = std::thread([this] { Run(); });
}

std::string SlotImport::failure() {
  MutexLock lock(mutex_);
  return failure_.text();
}

bool SlotImport::StillMoves() {
  const std::shared_ptr<const ClusterView> view = state_.view();
  if (view->topology.epoch() != epoch_) return false;
  return view->SlotsOnTheirWay(view->topology.FindShard(shard_), view->here.shard).any();
}

void SlotImport::Run() {
  NameThisThread("slots-in");
  storage::CountMemoryOfThisThread();
  while (!stopping_ && StillMoves()) {
    const Status ended = PullOnce();
    NoteEnd(ended ? "" : ended.error().text);
    if (!stopping_ && StillMoves()) std::this_thread::sleep_for(kRest);
  }
  has_ended_ = true;
}

void SlotImport::NoteEnd(const std::string& failure) {
  socket_.Reset();
  {
    MutexLock lock(mutex_);
    if (!failure_.Note(failure, parts_.world.clock.SteadyMs())) return;
  }
  parts_.log.Warning("migrating slots from shard '" + shard_ + "': " + failure + "; trying again until it works");
}

Status SlotImport::PullOnce() {
  const std::shared_ptr<const ClusterView> view = state_.view();
  const cluster::ShardIndex from = view->topology.FindShard(shard_);
  if (from == cluster::kNoShard) return {};
  const cluster::Node& source = view->PrimaryOf(from);
  const Result<std::shared_ptr<PeerSocket>> socket =
      socket_.Connect(source.host, source.port, kSourceConnectMs, stopping_, ToNode(parts_.options));
  if (!socket) return tl::unexpected(socket.error());
  if (stopping_) return Fail("the link was closed");
  if (!state_.IsLedgerSafe()) return Fail("a majority of this shard does not have its ledger of slots yet");
  cluster::SlotReceiver receiver(*this, Introduction());
  const storage::Error ended = Pump(receiver, **socket, parts_.world.clock);
  return receiver.has_finished() || stopping_ ? Status() : tl::unexpected(ended);
}

cluster::PullIntroduction SlotImport::Introduction() {
  const std::string own = state_.view()->shard_name();
  return {.authentication = AuthCommand(parts_.options),
          .epoch = epoch_,
          .shard = own,
          .owned = PrintRanges(cluster::RangesIn(state_.ledger().OwnedBy(own)))};
}

// --- what the slot receiver changes ---------------------------------------------------------------------------------

void SlotImport::AwaitLogRoom() {
  while ((parts_.needs.Get() & kNeedsLogRoom) != 0 && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Status SlotImport::BeginBatch(const cluster::SlotBatch& batch) {
  AwaitLogRoom();
  arrival_.reset();
  const std::shared_ptr<const ClusterView> view = state_.view();
  const cluster::SlotSet slots = cluster::SlotsIn(batch.ranges);
  const cluster::SlotSet expected = view->SlotsOnTheirWay(view->topology.FindShard(shard_), view->here.shard);
  if (const cluster::SlotSet odd = slots & ~expected; odd.any()) {
    return Fail("slots " + cluster::PrintRanges(cluster::RangesIn(odd)) + " came, which don't go from there to here");
  }
  if (Status noted = state_.Change(epoch_, [&](cluster::SlotLedger& ledger) { ledger.AddStrays(slots); }); !noted) {
    return noted;
  }
  const std::vector<storage::PositionRange> positions = cluster::PositionsOf(batch.ranges);
  storage::SlotEraser eraser(parts_.data.store(), positions);
  while (!stopping_ && eraser.Step()) {
  }
  batch_ = slots;
  flushes_ = parts_.data.store().flushes();
  arrival_ = std::make_unique<storage::SlotArrival>(parts_.data.store(), positions, batch.source);
  return {};
}

Status SlotImport::TakeKeys(std::string_view section) {
  AwaitLogRoom();
  const uint64_t before = arrival_->keys();
  const Status taken = arrival_->TakeSection(section);
  keys_ += arrival_->keys() - before;
  return taken;
}

Status SlotImport::TakeChanges(std::string_view changes) {
  AwaitLogRoom();
  return arrival_->TakeChanges(changes);
}

Status SlotImport::Secure() {
  storage::LogWriter& log = parts_.data.durability().log();
  // A log that is being switched on will hold this when its first snapshot is safe.
  while (parts_.data.durability().wants_log() && !log.is_open() && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (stopping_) return Fail("the link was closed");
  secured_ = parts_.data.store().log().appended();
  return log.is_open() ? log.Flush() : Status();
}

Status SlotImport::TakeOver() {
  if (Status taken = state_.TakeOver(epoch_, batch_, flushes_); !taken) return taken;
  arrival_.reset();
  parts_.log.Notice("cluster: slots " + PrintRanges(cluster::RangesIn(batch_)) + " migrated from shard '" + shard_ +
                    "'");
  return {};
}

void SlotImport::NoteFinished() {
  // Without a log what has come is safe with the next snapshot: that is made soon.
  storage::Durability& durability = parts_.data.durability();
  if (!durability.log().is_open() && parts_.data.SavesAtEnd() && keys_ > 0) {
    durability.ScheduleSave(storage::SnapshotReason::kSave);
  }
}

}  // namespace ringkv::server
