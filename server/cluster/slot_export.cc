// SPDX-License-Identifier: MIT
#include "server/cluster/slot_export.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "storage/base/allocator.h"
#include "storage/snapshot/pace.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

using cluster::MessageKind;
using cluster::SlotSet;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr uint64_t kKeysABatch = 32 * 1024;  // about so many, to keep what a crash takes back small
constexpr size_t kFramesAtOnce = 256 * 1024;
// Measured: with it the p99 of clients grows 1.8 times while a node joins, without it 2.9 times.
constexpr auto kRestAfterBlock = std::chrono::milliseconds(15);
constexpr int64_t kSoonMs = 20;    // a receiver that keeps up answers a barrier within
constexpr int64_t kPauseMs = 100;  // requests for a slot are not held longer
// But for scripts: they end before, and these are given more time if others that take long follow them.
constexpr int64_t kMostRoundMs = 1000;
constexpr uint64_t kMostAnswerBytes = 4096;

}  // namespace

SlotExport::SlotExport(const ClusterParts& parts, SlotOwnership& state, transport::Channel channel,
                       std::shared_ptr<ClientCard> card, PullRequest request)
    : parts_(parts),
      state_(state),
      socket_(std::move(channel)),
      reader_(socket_),
      card_(std::move(card)),
      request_(std::move(request)) {}

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
  const Status ended = Serve();
  Release();
  if (!was_offered_) TakeBackOffer();
  if (!ended && !interrupted_) {
    parts_.log.Warning("migrating slots to shard '" + request_.shard + "' has stopped: " + ended.error().text);
  }
  has_ended_ = true;
}

Status SlotExport::Serve() {
  if (Status sent = socket_.Send("+RINGKV SLOTS\r\n", parts_.options.repl_timeout * 1000); !sent) {
    return sent;
  }
  for (batch_ = NextBatch(); batch_.any(); batch_ = NextBatch()) {
    if (Status moved = MoveBatch(); !moved) return moved;
  }
  return Send(MessageKind::kNoMoreSlots, "");
}

SlotSet SlotExport::NextBatch() {
  // Clients close their connection to a node without slots, with the requests in flight. So a leaving shard keeps one
  // slot until clients know the new owners of the others.
  constexpr int kLooks = 20;
  constexpr auto kNap = std::chrono::milliseconds(50);
  SlotSet batch = SlotsToMove(true);
  for (int look = 0; batch.none() && look < kLooks && SlotsToMove(false).any() && !interrupted_; ++look) {
    if (state_.view()->slots.CountOf(state_.view()->here.shard) > 1) look = 0;
    std::this_thread::sleep_for(kNap);
  }
  return batch.any() || interrupted_ ? batch : SlotsToMove(false);
}

SlotSet SlotExport::SlotsToMove(bool keeps_one) {
  const std::shared_ptr<const ClusterView> view = state_.view();
  SlotSet batch;
  if (view->topology.epoch() != request_.epoch) return batch;
  const cluster::ShardIndex to = view->topology.FindShard(request_.shard);
  keeps_one = keeps_one && view->topology.slots().CountOf(view->here.shard) == 0;
  const size_t own = std::max<size_t>(view->slots.CountOf(view->here.shard), 1);
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  const size_t most = std::max<size_t>(kKeysABatch * own / (SizeOf(txn, 0).keys + 1), 1);
  for (size_t slot = 0; slot < batch.size() && batch.count() < most; ++slot) {
    if (view->slots.owner(slot) != view->here.shard) continue;
    batch[slot] = view->topology.slots().owner(slot) == to && !keeps_one;
    keeps_one = false;  // it was the first
  }
  return batch;
}

// --- a batch --------------------------------------------------------------------------------------------------------

Status SlotExport::MoveBatch() {
  was_offered_ = false;
  const std::vector<cluster::SlotRange> ranges = cluster::RangesIn(batch_);
  storage::SlotStream stream(parts_.data.store(), cluster::PositionsOf(ranges),
                             static_cast<int>(parts_.options.snapshot_compression_level));
  parts_.replication.NumberChanges();
  tail_ = parts_.replication.backlog().TailFrom(parts_.data.store().log().appended() + 1);
  const cluster::SlotBatch message{.source = parts_.data.store().placement(), .ranges = ranges};
  if (Status sent = Send(MessageKind::kSlots, EncodeSlotBatch(message)); !sent) return sent;
  if (Status copied = CopyKeys(stream); !copied) return copied;
  // From here on, after a restart the receiver's ledger decides who owns the slots.
  if (Status noted = state_.PrepareOffer(request_.epoch, batch_, request_.shard); !noted) return noted;
  for (int64_t round_ms = kPauseMs / 2;; round_ms = std::min(2 * round_ms, kMostRoundMs)) {
    if (Status caught_up = CatchUp(stream); !caught_up) return caught_up;
    const Result<bool> done = HandOver(stream, round_ms);
    if (!done) return tl::unexpected(done.error());
    if (*done) break;
  }
  parts_.log.Notice("cluster: slots " + PrintRanges(ranges) + " belong to shard '" + request_.shard + "' now");
  return {};
}

Status SlotExport::CopyKeys(storage::SlotStream& stream) {
  storage::Pace pace;
  std::string section;
  for (;;) {
    if (Status sent = SendChanges(stream); !sent) return sent;
    const uint64_t before = stream.keys();
    if (!stream.NextBlock(&section)) return {};
    if (Status sent = Send(MessageKind::kSlotKeys, section); !sent) return sent;
    keys_ += stream.keys() - before;
    pace.Rest();
    // The receiver has as much to do, and cannot rest while this one sends.
    std::this_thread::sleep_for(kRestAfterBlock);
  }
}

Status SlotExport::CatchUp(storage::SlotStream& stream) {
  // Clients wait for the hand-over, which waits for what is under way: so scripts that take long end before.
  const std::future<void> round = parts_.links.EndOfRound();
  for (;;) {
    if (Status sent = SendChanges(stream); !sent) return sent;
    const int64_t start = parts_.world.clock.SteadyMs();
    const Result<bool> answered = AskAndWait(MessageKind::kBarrier, parts_.options.repl_timeout * 1000);
    if (!answered) return tl::unexpected(answered.error());
    if (!*answered) return Fail("it has been silent for repl-timeout");
    const bool is_level = parts_.world.clock.SteadyMs() - start <= kSoonMs;
    if (round.wait_for(kRestAfterBlock) == std::future_status::ready && is_level) return {};
  }
}

Result<bool> SlotExport::HandOver(storage::SlotStream& stream, int64_t round_ms) {
  state_.Hold(batch_);
  if (!parts_.links.WaitForRound(interrupted_, round_ms)) {
    Release();  // a script takes long: the slots are tried again
    return false;
  }
  const int64_t start = parts_.world.clock.SteadyMs();
  const storage::Lsn last = parts_.data.store().log().appended();
  while (tail_->next() <= last && parts_.world.clock.SteadyMs() - start < kPauseMs / 2) {
    parts_.data.durability().log().Step();  // rather than wait for its thread
    if (Status sent = SendChanges(stream); !sent) return tl::unexpected(sent.error());
  }
  Result<bool> is_there = false;
  if (tail_->next() > last) is_there = AskAndWait(MessageKind::kBarrier, kPauseMs / 2);
  if (!is_there || !*is_there) {
    Release();
    return is_there;
  }
  if (Status given = Offer(); !given) return tl::unexpected(given.error());
  return true;
}

Status SlotExport::Offer() {
  was_offered_ = true;
  state_.SendOffer(batch_);
  Result<bool> taken = AskAndWait(MessageKind::kOffer, kPauseMs / 2);
  if (taken && !*taken) {
    // Ends the pause: from here on clients get ASK.
    Release();
    taken = AskAndWait(MessageKind::kBarrier, parts_.options.repl_timeout * 1000);
  }
  if (!taken) return tl::unexpected(taken.error());
  if (!*taken) return Fail("it has not confirmed the slots");
  Status given = state_.Change(request_.epoch, [&](cluster::SlotLedger& ledger) {
    ledger.EndOffer(request_.shard);
    ledger.Give(batch_, request_.shard);
    ledger.AddStrays(batch_);
  });
  Release();
  return given;
}

void SlotExport::Release() {
  state_.Release(batch_);
  parts_.links.ResumePaused();
}

void SlotExport::TakeBackOffer() {
  const auto take_back = [&](cluster::SlotLedger& ledger) { ledger.EndOffer(request_.shard); };
  if (!state_.ledger().offers().contains(request_.shard)) return;
  if (const Status noted = state_.Change(state_.epoch(), take_back); !noted) {
    parts_.log.Warning("cluster: " + noted.error().text);
  }
}

// --- messages -------------------------------------------------------------------------------------------------------

Status SlotExport::SendChanges(storage::SlotStream& stream) {
  storage::FrameList frames;
  for (;;) {
    const storage::Backlog::ReadResult found = tail_->Read(kFramesAtOnce, &frames);
    if (found == storage::Backlog::ReadResult::kNothingYet) return {};
    if (found == storage::Backlog::ReadResult::kGone) {
      return Fail("it is too slow: LSN " + std::to_string(tail_->next()) +
                  " is neither in the backlog nor in the log (repl-backlog-size)");
    }
    std::string changes;
    for (const auto& frame : frames) {
      if (!stream.Filter(*frame, &changes)) return Fail("the log has an effect that cannot be restricted to slots");
    }
    if (changes.empty()) continue;
    if (Status sent = Send(MessageKind::kSlotChanges, changes); !sent) return sent;
  }
}

Status SlotExport::Send(MessageKind kind, std::string_view body) {
  if (interrupted_) return Fail("the link was closed");
  const int64_t timeout = parts_.options.repl_timeout * 1000;
  const std::string head = cluster::EncodeMessageHead(kind, request_.epoch, body);
  if (Status sent = socket_.Send(head, timeout); !sent) return sent;
  return body.empty() ? Status() : socket_.Send(body, timeout);
}

Result<bool> SlotExport::AskAndWait(MessageKind kind, int64_t timeout_ms) {
  if (Status sent = Send(kind, cluster::EncodeAck(++number_)); !sent) return tl::unexpected(sent.error());
  const int64_t end = parts_.world.clock.SteadyMs() + timeout_ms;
  for (;;) {
    cluster::NodeMessage message;
    Result<bool> got =
        reader_.Next(&message, std::max<int64_t>(end - parts_.world.clock.SteadyMs(), 0), kMostAnswerBytes);
    if (!got || !*got) return got;
    storage::Lsn number = 0;
    if (message.kind != MessageKind::kAck || message.epoch != request_.epoch ||
        !cluster::DecodeAck(message.body, &number) || number > number_) {
      return Fail("it sent a message that is not an acknowledgement");
    }
    if (number == number_) return true;
  }
}

}  // namespace ringkv::server
