// SPDX-License-Identifier: MIT
// The replica's side of the log stream (docs/formats/node-link.md): introduces the replica, resumes at its LSN or loads
// a snapshot, then applies frames and acknowledges them. One object for each connection.
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
#include "cluster/replication/history.h"
#include "storage/base/clock.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

// What a server asks of the replica that it follows from now on (FAILOVER): to become the primary if it has all groups,
// or in any case.
enum class Takeover : uint8_t { kNone, kIfComplete, kAnyway };

// How a replica introduces itself.
struct ReplicaIntroduction {
  std::vector<std::string> authentication = {};  // AUTH; empty: none
  std::string host = {};                         // where it is reached; empty: where it connects from
  int64_t port = 0;
  std::string member = {};   // its id, the same after each reconnect
  std::string primary = {};  // the id of the node that it means to follow; empty: whoever is there
  Takeover takeover = Takeover::kNone;
};

class LogReceiver final : public Link {
 public:
  enum class State : uint8_t { kIntroducing, kAsking, kLoading, kStreaming };

  // What has been applied.
  struct Applied {
    storage::Lsn last = 0;
    storage::UnixMs time = 0;  // of the last frame, by the primary's clock
    bool is_whole = true;      // false within a snapshot
  };

  struct Progress {
    State state = State::kIntroducing;
    storage::Lsn last = 0;
    storage::Lsn primary_last = 0;     // as far as known
    bool has_caught_up = false;        // has had all that the primary had at a moment of this connection
    storage::UnixMs behind_since = 0;  // by the primary's clock; 0: everything is here
    uint64_t snapshot_bytes = 0;
    size_t received = 0;  // bytes since the last note
  };

  // The replica's data, its history and its role. After an error of any method the link ends.
  class Target {
   public:
    virtual int64_t timeout_ms() const = 0;
    // The last group in the replica's own log.
    virtual storage::Lsn appended() = 0;
    virtual History history() = 0;
    // Of the topology, in a cluster; else 0.
    virtual uint64_t lowest_epoch() = 0;

    // The primary has become one, or has refused to in these words.
    virtual void EndTakeover() = 0;
    virtual void RejectTakeover(const std::string& why) = 0;

    // The primary's history continues this replica's, which is at `last`.
    virtual storage::Result<Applied> Resume(const std::string& history, uint64_t epoch, storage::Lsn last) = 0;
    // Groups behind this one are of this replica only, and are dropped for the snapshot that follows.
    virtual void WillDrop(storage::Lsn after) = 0;
    // A snapshot begins, with its file header: it replaces the data set.
    virtual storage::Status BeginSnapshot(std::string_view header) = 0;
    virtual storage::Result<Applied> TakeSection(std::string_view bytes) = 0;
    // The snapshot is whole, as of group `last` of this history.
    virtual storage::Status EndSnapshot(const std::string& history, uint64_t epoch, storage::Lsn last) = 0;
    virtual storage::Result<Applied> TakeFrame(std::string_view bytes) = 0;
    // The data may not be a part of any history: it can't be continued.
    virtual void Forget() = 0;
    virtual storage::Status Publish(const PublishedMessage& published) = 0;

    // The last group, up to `last`, that is as durable as the replica's configuration promises.
    virtual storage::Lsn Secure(storage::Lsn last) = 0;
    virtual void NoteProgress(const Progress& progress) = 0;

   protected:
    ~Target() = default;
  };

  // `target` must outlive the link.
  LogReceiver(Target& target, ReplicaIntroduction introduction);

  storage::Status Open(int64_t now) override;
  storage::Result<Next> Work(int64_t now) override;
  int64_t wake_at() const override {
    const int64_t timeout = target_.timeout_ms();
    return handshake_.is_asking() ? handshake_.ends_at(timeout) : silence_.ends_at(timeout);
  }
  std::span<char> Room() override { return input_.Room(); }
  storage::Status Received(size_t count, int64_t now) override;
  size_t unread() const override { return input_.size(); }
  std::string_view ToSend() const override { return out_.front(); }
  size_t waiting() const override { return out_.size(); }
  void Sent(size_t count, int64_t now) override;

  State state() const { return progress_.state; }

 private:
  static constexpr size_t kRoomBytes = 256 * 1024;

  std::vector<std::string> Introduction() const;
  void AskToSync(int64_t now);
  storage::Status TakeReply(const std::string& line, int64_t now);
  storage::Status TakeVerdict(const std::string& line);
  storage::Status Take(const NodeMessage& message);
  storage::Status TakeFrame(std::string_view bytes);
  storage::Status TakeHeartbeat(std::string_view body);
  storage::Status TakePublished(std::string_view body);
  storage::Status TakeSnapshotPart(const NodeMessage& message);
  storage::Status TakeSection(std::string_view bytes);
  void NoteApplied(const Applied& applied);
  // Without more than one acknowledgement that waits to be sent.
  void AcknowledgeIfOwed();

  Target& target_;
  const ReplicaIntroduction introduction_;
  LinkInput input_{kRoomBytes};
  Outbox out_;
  Handshake handshake_;
  Silence silence_;  // of the primary, after the handshake
  Progress progress_;
  Applied applied_;
  std::optional<storage::Lsn> catches_up_at_;  // what the primary's first heartbeat says that it has
  storage::Lsn resumes_after_ = 0;
  uint64_t epoch_floor_ = 0;
  std::string new_history_;  // of the snapshot
  bool has_begun_ = false;   // the snapshot
  bool owes_ack_ = false;
};

}  // namespace ringkv::cluster
