// SPDX-License-Identifier: MIT
// The receiving side of a slot migration (docs/formats/node-link.md), as a link: asks for the slots that the topology
// assigns to this shard, takes their keys and changes, and becomes their owner by acknowledging the offer. One object
// for each connection.
//
// Threads: confined to the pump's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/link/handshake.h"
#include "cluster/link/link.h"
#include "cluster/link/link_input.h"
#include "cluster/link/outbox.h"
#include "cluster/link/silence.h"
#include "cluster/node_messages.h"

namespace ringkv::cluster {

// What is asked for.
struct PullIntroduction {
  std::vector<std::string> authentication = {};  // AUTH; empty: none
  uint64_t epoch = 0;                            // of the topology
  std::string shard = {};                        // that asks
  std::string owned = {};                        // ranges of slots that its ledger gives to it; may be empty
};

class SlotReceiver final : public Link {
 public:
  // The slots here, and the ledger. After an error of any method the link ends. A method may take its time: the sender
  // waits, as clients do while the disk can't keep up.
  class Target {
   public:
    virtual int64_t timeout_ms() const = 0;
    // The keys of these slots come: those that are here are deleted.
    virtual storage::Status BeginBatch(const SlotBatch& batch) = 0;
    virtual storage::Status TakeKeys(std::string_view section) = 0;
    virtual storage::Status TakeChanges(std::string_view changes) = 0;
    // Makes durable here what has come.
    virtual storage::Status Secure() = 0;
    // Whether all that was made durable here, and the ledger, outlive this node, as far as the configuration promises
    // that: a majority of the shard may have to have them.
    virtual bool IsSafe() = 0;
    // The slots of the batch belong to this shard once the ledger is safe, which says so from now on.
    virtual storage::Status TakeOver() = 0;
    // All slots are here.
    virtual void NoteFinished() = 0;

   protected:
    ~Target() = default;
  };

  // `target` must outlive the link.
  SlotReceiver(Target& target, PullIntroduction introduction);

  storage::Status Open(int64_t now) override;
  storage::Result<Next> Work(int64_t now) override;
  int64_t wake_at() const override;
  std::span<char> Room() override { return input_.Room(); }
  storage::Status Received(size_t count, int64_t now) override;
  size_t unread() const override { return input_.size(); }
  std::string_view ToSend() const override { return out_.front(); }
  size_t waiting() const override { return out_.size(); }
  void Sent(size_t count, int64_t) override { out_.Consume(count); }

  // No more slots come: the link has ended in order.
  bool has_finished() const { return has_finished_; }

 private:
  static constexpr size_t kRoomBytes = 256 * 1024;

  storage::Status TakeReply(const std::string& line);
  storage::Status Take(const NodeMessage& message);
  storage::Status BeginBatch(std::string_view body);
  // A barrier, or an offer.
  storage::Status TakeQuestion(const NodeMessage& message);
  // Answers it, if what it is about is safe by now.
  storage::Status Answer();

  Target& target_;
  const PullIntroduction introduction_;
  LinkInput input_{kRoomBytes};
  Outbox out_;
  Handshake handshake_;
  Silence silence_;  // of the sender, after the handshake
  bool has_batch_ = false;
  // A barrier or an offer that has not been acknowledged yet. The former acknowledges all that came before, too.
  struct Question {
    storage::Lsn number = 0;
    bool is_offer = false;  // which has not been taken yet
  };
  std::optional<Question> question_;
  int64_t look_at_ms_ = 0;
  bool has_finished_ = false;
};

}  // namespace ringkv::cluster
