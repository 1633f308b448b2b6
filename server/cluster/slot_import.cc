// SPDX-License-Identifier: MIT
#include "server/cluster/slot_import.h"

#include <chrono>

#include "server/node_link/handshake.h"
#include "server/node_link/message_reader.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using cluster::MessageKind;
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
  return failure_;
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
  constexpr int64_t kPatienceMs = 2000;  // nodes get a new topology one after the other
  const int64_t now = parts_.world.clock.SteadyMs();
  socket_.Reset();
  {
    MutexLock lock(mutex_);
    if (failure != failure_) failing_since_ms_ = now;
    failure_ = failure;
  }
  if (failure.empty() || failing_since_ms_ == 0 || now - failing_since_ms_ < kPatienceMs) return;
  failing_since_ms_ = 0;
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
  if (Status asked = Ask(**socket); !asked) return asked;
  MessageReader reader(**socket);
  while (!stopping_) {
    cluster::NodeMessage message;
    const Result<bool> got = reader.Next(&message, parts_.options.repl_timeout * 1000);
    if (!got) return tl::unexpected(got.error());
    if (!*got) return Fail("it has been silent for repl-timeout");
    const Result<bool> goes_on = Take(**socket, message);
    if (!goes_on) return tl::unexpected(goes_on.error());
    if (!*goes_on) return {};
  }
  return {};
}

Status SlotImport::Ask(PeerSocket& socket) {
  const int64_t timeout_ms = PrimarysTimeoutMs(parts_.options);
  if (Status known = Authenticate(socket, parts_.options, timeout_ms); !known) return known;
  const std::shared_ptr<const ClusterView> view = state_.view();
  std::vector<std::string> command{"CLUSTER", "PULL", std::to_string(epoch_), view->shard_name()};
  const std::string owned = PrintRanges(cluster::RangesIn(state_.ledger().OwnedBy(view->shard_name())));
  if (!owned.empty()) command.push_back(owned);
  const Result<std::string> answer = server::Ask(socket, timeout_ms, command);
  if (!answer) return tl::unexpected(answer.error());
  return *answer == "+RINGKV SLOTS" ? Status() : Fail("it answers '" + answer->substr(0, 60) + "'");
}

Result<bool> SlotImport::Take(PeerSocket& socket, const cluster::NodeMessage& message) {
  if (message.epoch != epoch_) return Fail("it sent a message of another epoch");
  // As clients wait while the disk can't keep up.
  while ((parts_.needs.Get() & kNeedsLogRoom) != 0 && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Status done;
  switch (message.kind) {
    case MessageKind::kSlots: done = BeginBatch(message.body); break;
    case MessageKind::kNoMoreSlots: {
      // Without a log what has come is safe with the next snapshot: that is made soon.
      storage::Durability& durability = parts_.data.durability();
      if (!durability.log().is_open() && parts_.data.SavesAtEnd() && keys_ > 0) {
        durability.ScheduleSave(storage::SnapshotReason::kSave);
      }
      return false;
    }
    case MessageKind::kSlotKeys:
    case MessageKind::kSlotChanges: {
      if (arrival_ == nullptr) return Fail("it sent an unexpected message");
      const uint64_t before = arrival_->keys();
      done = message.kind == MessageKind::kSlotKeys ? arrival_->TakeSection(message.body)
                                                    : arrival_->TakeChanges(message.body);
      keys_ += arrival_->keys() - before;
      break;
    }
    case MessageKind::kBarrier:
    case MessageKind::kOffer: done = Acknowledge(socket, message); break;
    default: return Fail("it sent an unexpected message");
  }
  if (!done) return tl::unexpected(done.error());
  return true;
}

Status SlotImport::BeginBatch(std::string_view body) {
  cluster::SlotBatch batch;
  if (!DecodeSlotBatch(body, &batch)) return Fail("it sent an invalid list of slots");
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

Status SlotImport::Acknowledge(PeerSocket& socket, const cluster::NodeMessage& message) {
  storage::Lsn number = 0;
  if (!cluster::DecodeAck(message.body, &number)) return Fail("it sent an invalid message");
  storage::LogWriter& log = parts_.data.durability().log();
  // A log that is being switched on will hold this when its first snapshot is safe.
  while (parts_.data.durability().wants_log() && !log.is_open() && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (log.is_open()) {
    if (Status synced = log.Flush(); !synced) return synced;
  }
  if (message.kind == MessageKind::kOffer) {
    if (arrival_ == nullptr) return Fail("it offered no slots");
    if (Status taken = state_.TakeOver(epoch_, batch_, flushes_); !taken) return taken;
    arrival_.reset();
    parts_.log.Notice("cluster: slots " + PrintRanges(cluster::RangesIn(batch_)) + " migrated from shard '" + shard_ +
                      "'");
  }
  return socket.Send(cluster::EncodeMessage(MessageKind::kAck, epoch_, cluster::EncodeAck(number)),
                     parts_.options.repl_timeout * 1000);
}

}  // namespace ringkv::server
