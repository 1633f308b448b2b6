// SPDX-License-Identifier: MIT
// The sending side of a slot migration (docs/formats/node-link.md), as a link: batch by batch it sends the keys while
// writes go on, catches up, holds requests for some milliseconds, and hands the slots over. From the offer on the
// receiver decides who owns them.
//
// Threads: confined to the pump's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cluster/link/link.h"
#include "cluster/link/link_input.h"
#include "cluster/link/outbox.h"
#include "cluster/link/silence.h"
#include "cluster/node_messages.h"
#include "cluster/slot_map.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

class SlotSender final : public Link {
 public:
  enum class State : uint8_t {
    kChoosing,    // the next batch
    kCopying,     // its keys, and changes of those that were sent
    kCatchingUp,  // sends the changes since
    kLevelling,   // and waits until the receiver has them
    kQuieting,    // waits for what is under way here
    kDraining,    // requests are held: sends the last changes
    kConfirming,  // waits until the receiver has them
    kOffering,    // waits until it has taken the slots
    kOpen,        // likewise, but requests are held no more: clients are told to ask there
    kFinished,
  };

  // The slots with their keys, and the ledger. After an error the link ends.
  class Source {
   public:
    virtual int64_t timeout_ms() const = 0;

    // Some of the slots that are to go to the receiver. `keeps_one`: not the last one of a shard that leaves.
    virtual SlotSet SlotsToMove(bool keeps_one) = 0;
    virtual size_t CountOwned() = 0;

    // The message that begins a batch. Its keys, and from here on the changes of the log, are read by the next four.
    virtual std::string BeginBatch(const SlotSet& slots) = 0;
    // False when all keys have been copied.
    virtual bool NextBlock(std::string* section) = 0;
    // Reads some of the log, and appends what concerns keys that were copied. False if there is nothing new.
    virtual storage::Result<bool> ReadChanges(std::string* changes) = 0;
    // The group after those that were read.
    virtual storage::Lsn next() const = 0;
    virtual storage::Lsn appended() = 0;
    // Frames of all appended groups are to be there soon.
    virtual void HurryFrames() = 0;

    // All that is under way now, and uses the slots, is to end soon; whether it has.
    virtual void BeginRound() = 0;
    virtual bool HasRoundEnded() = 0;
    // Holds requests for the slots. False if those that are under way have not ended within this time.
    virtual bool Hold(const SlotSet& slots, int64_t most_ms) = 0;
    virtual void Release(const SlotSet& slots) = 0;
    // For the operator: so many attempts to hand them over were in vain, as the receiver or what uses them is slow.
    virtual void NoteAttemptsInVain(const SlotSet& slots, uint32_t count) = 0;

    // Whether what was written to the ledger is safe. Until then no offer is sent, and no other batch is begun.
    virtual bool IsLedgerSafe() = 0;
    // Writes to the ledger that the slots will be offered, that the offer is on its way, that they are given.
    virtual storage::Status PrepareOffer(const SlotSet& slots) = 0;
    virtual void SendOffer(const SlotSet& slots) = 0;
    virtual storage::Status Give(const SlotSet& slots) = 0;

   protected:
    ~Source() = default;
  };

  // `source` must outlive the link. `epoch`: of the topology.
  SlotSender(Source& source, uint64_t epoch) : source_(source), epoch_(epoch) {}

  storage::Status Open(int64_t now) override;
  storage::Result<Next> Work(int64_t now) override;
  int64_t wake_at() const override;
  std::span<char> Room() override { return input_.Room(); }
  storage::Status Received(size_t count, int64_t now) override;
  size_t unread() const override { return input_.size(); }
  std::string_view ToSend() const override { return out_.front(); }
  size_t waiting() const override { return out_.size(); }
  void Sent(size_t count, int64_t now) override;

  State state() const { return state_; }
  // All slots have moved: the link has ended in order.
  bool has_finished() const { return state_ == State::kFinished; }
  // The batch at hand, and whether its offer is on its way: then its outcome is open.
  const SlotSet& batch() const { return batch_; }
  bool was_offered() const { return was_offered_; }

 private:
  static constexpr size_t kRoomBytes = 4096;

  storage::Result<Next> Choose(int64_t now);
  storage::Result<Next> Copy(int64_t now);
  storage::Result<Next> CatchUp(int64_t now);
  storage::Result<Next> Level(int64_t now);
  storage::Result<Next> Quiet(int64_t now);
  storage::Result<Next> Hold();
  storage::Result<Next> Drain(int64_t now);
  storage::Result<Next> Confirm(int64_t now);
  storage::Result<Next> AwaitTaker(int64_t now);
  storage::Result<Next> AwaitOutcome(int64_t now);
  storage::Result<Next> Give();
  storage::Status TakeAcknowledgement(const NodeMessage& message, int64_t now);
  // The receiver was too slow, or what is under way here: begins to catch up again, with more patience next time.
  Next GiveUpHold();
  void NoteAttemptInVain();
  void BeginCatchUp();
  // Sends some changes; false if there are none now.
  storage::Result<bool> SendChanges();
  void Send(MessageKind kind, std::string_view body) { out_.Append(EncodeMessage(kind, epoch_, body)); }
  // Sends a barrier or an offer, which is to be acknowledged within this time.
  void Ask(State state, MessageKind kind, int64_t within_ms, int64_t now);
  // Likewise, but the time begins when all has been sent.
  void AskPatiently(State state, MessageKind kind, int64_t now);
  bool IsLate(int64_t now) const { return now >= late_at(); }
  int64_t late_at() const { return answers_.since() + within_ms_; }
  // Whether what was asked patiently has no answer; when that is to be looked at.
  bool IsSilent(int64_t now) { return !waits_for_sending_ && answers_.HasLasted(within_ms_, now); }
  int64_t silent_at() const { return waits_for_sending_ ? INT64_MAX : answers_.ends_at(within_ms_); }
  Next WaitUntil(int64_t time);

  Source& source_;
  const uint64_t epoch_;
  LinkInput input_{kRoomBytes};
  Outbox out_;
  State state_ = State::kChoosing;
  SlotSet batch_;
  bool is_in_ledger_ = false;  // that it will be offered
  bool was_offered_ = false;
  int looks_ = 0;  // for slots to move, while the last one is kept
  int64_t look_at_ms_ = 0;
  std::string section_;
  std::string changes_;
  bool is_to_rest_ = false;  // a block was sent
  int64_t rests_until_ms_ = 0;
  int64_t quiet_until_ms_ = 0;
  int64_t drain_until_ms_ = 0;  // 0: it has not begun
  int64_t patience_ms_ = 0;     // for each part of a hand-over
  uint32_t attempts_ = 0;       // of the batch that were in vain
  int late_barriers_ = 0;       // in a row
  storage::Lsn held_at_ = 0;    // the last group when requests were held
  bool is_level_ = false;

  uint64_t number_ = 0;  // of the last barrier or offer
  uint64_t answered_ = 0;
  int64_t answered_ms_ = 0;
  int64_t within_ms_ = 0;
  bool waits_for_sending_ = false;
  Silence reads_;    // since the connection last took bytes
  Silence answers_;  // since it was asked, or patiently, since all was sent
  int64_t wake_at_ms_ = 0;
};

}  // namespace ringkv::cluster
