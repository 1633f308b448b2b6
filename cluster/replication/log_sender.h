// SPDX-License-Identifier: MIT
// The primary's side of the log stream to one replica (docs/formats/node-link.md): decides between partial and full
// sync, sends the snapshot while writes continue, then every new frame of the log, and takes acknowledgements. One
// object for each connection, after its PSYNC.
//
// A slow replica costs no memory here: it reads from the backlog and from the log files. When neither has its next
// frame any more, the link ends, and the replica reconnects for a full sync.
//
// Threads: confined to the pump's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/link/link.h"
#include "cluster/link/link_input.h"
#include "cluster/link/outbox.h"
#include "cluster/link/silence.h"
#include "cluster/node_messages.h"
#include "storage/base/clock.h"
#include "storage/base/lsn.h"
#include "storage/log/backlog.h"

namespace ringkv::cluster {

// A replica's PSYNC request.
struct FeedRequest {
  std::vector<std::string> histories;  // it is at the same group of each of them
  storage::Lsn next = 0;
  std::string member;  // its id, the same after each reconnect; empty if it sent none
  bool takes_published = false;
};

class LogSender final : public Link {
 public:
  enum class State : uint8_t { kStarting, kSendingSnapshot, kEndingSnapshot, kOnline };

  // The primary's data and its history.
  class Source {
   public:
    virtual int64_t timeout_ms() const = 0;
    virtual storage::UnixMs wall_time() const = 0;
    virtual uint64_t epoch() = 0;
    virtual std::string history_id() = 0;
    // Whether the state after that group of that history is a prefix of this one.
    virtual bool Holds(const std::string& history, storage::Lsn last) = 0;
    // Where that history ended, if it is an earlier one of this node's.
    virtual std::optional<storage::Lsn> EndOf(const std::string& history) = 0;
    // The last group.
    virtual storage::Lsn appended() = 0;

    // The log is read from this group on.
    virtual void Seek(storage::Lsn next) = 0;
    virtual storage::Backlog::ReadResult Read(size_t most, storage::FrameList* frames) = 0;
    // The group after those that were read.
    virtual storage::Lsn next() const = 0;
    // Frames of all appended groups shall be there soon.
    virtual void HurryFrames() = 0;

    // The file header of a snapshot that begins now; the log is read from behind its beginning on.
    virtual std::string BeginSnapshot() = 0;
    // False when all keys have been copied.
    virtual bool NextBlock(std::string* section) = 0;
    virtual std::string EndSnapshot(storage::Lsn last) = 0;

    // Removes and returns the body of the first published message that goes before group `next`; null without one.
    virtual std::shared_ptr<const std::string> NextPublished(storage::Lsn next) = 0;

    // The replica resumes, or gets a snapshot; it is online.
    virtual void NoteSync(bool is_partial) = 0;
    virtual void NoteOnline() = 0;
    virtual void NoteAcknowledged(storage::Lsn last) = 0;
    virtual void NoteSent(size_t bytes) = 0;

   protected:
    ~Source() = default;
  };

  // `source` must outlive the link. `unread`: bytes that were received after the request.
  LogSender(Source& source, FeedRequest request, std::string_view unread);

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
  storage::Lsn acknowledged() const { return acknowledged_; }

 private:
  static constexpr size_t kRoomBytes = 4096;

  std::optional<storage::Lsn> WherePartedFrom();
  bool CanResume();
  // Of the peer: it reads nothing, or acknowledges nothing.
  storage::Status CheckSilence(int64_t now);
  // When that is to be looked at.
  int64_t silent_at() const;
  // Sends a batch of frames; false if there are none now.
  storage::Result<bool> SendFrames();
  void SendList(const storage::FrameList& frames);
  storage::Result<Next> SendSnapshot();
  storage::Result<Next> EndSnapshot(int64_t now);
  storage::Result<Next> Follow(int64_t now);
  // False if more of them wait.
  bool SendPublished();
  void SendHeartbeat(int64_t now);
  void Send(MessageKind kind, std::string_view body) { out_.Append(EncodeMessage(kind, source_.epoch(), body)); }
  storage::Status TakeAcknowledgements(int64_t now);
  storage::Status CheckAcknowledgement(const NodeMessage& message, storage::Lsn* last);

  Source& source_;
  const FeedRequest request_;
  LinkInput input_{kRoomBytes};
  Outbox out_;
  storage::FrameList frames_;
  std::string section_;
  State state_ = State::kStarting;
  bool has_unread_ = false;  // bytes from before Open, which are looked at once the first were sent
  storage::Lsn copied_ = 0;  // the last group that the snapshot may contain
  storage::Lsn acknowledged_ = 0;
  int64_t look_at_ms_ = 0;  // while the snapshot ends: for its last frames
  int64_t last_heartbeat_ms_ = 0;
  Silence reads_;         // since the connection last took bytes
  Silence acknowledges_;  // since the last acknowledgement, or since all before it had been sent
};

}  // namespace ringkv::cluster
