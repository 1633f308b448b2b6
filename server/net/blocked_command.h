// SPDX-License-Identifier: MIT
// The running blocking command of a client: what it waits for (a key, the acknowledgements of replicas, or the work of
// others), and its late reply.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/execution/outcome.h"
#include "server/session/session.h"

namespace ringkv::server {

class ClientConnection;
class IoThread;
class ReplyPath;
class Server;
struct LateAnswer;

class BlockedCommand {
 public:
  enum class End : uint8_t {
    kNotYet,       // the client stays blocked, or its reply is on the way
    kReplied,      // the reply is written
    kRepliedLast,  // likewise; the connection closes after it
  };

  // All references must outlive it. `connection`: whom the thread calls.
  BlockedCommand(IoThread& thread, ClientConnection& connection, Session& session, ReplyPath& replies,
                 resp::ReplyWriter& reply);

  bool is_blocked() const { return replica_wait_ || key_wait_ != nullptr; }
  // What runs uses the session, which must live until the answer.
  bool uses_session() const { return uses_session_; }
  // It is under way on a thread for long work: what happens to its client does not end it.
  bool is_running() const { return is_running_; }
  bool waits_for_keys() const { return key_wait_ != nullptr; }
  // Others do the work: the reply may be made already.
  bool awaits_work() const { return key_wait_ != nullptr && (is_running_ || session_.card->waits_for_work); }
  // The deadline of a wait for replicas; none if it is no such wait.
  std::optional<int64_t> replica_deadline_ms() const;
  size_t MemoryBytes() const;

  // A command has blocked.
  void Begin(outcome::KeyWait& wait);
  void Begin(outcome::LateReply& late);
  void Begin(const outcome::ReplicaWait& wait);

  // The request that has blocked, as it would be asked now, and it is blocked no more; nothing if there is none that
  // can be.
  std::optional<std::string> TakeRequest();
  // Whether what it waits for is decided at another node: the role of the primary goes, or has gone, there.
  bool IsHandedOver() const;
  // Replies to a client that waits for replicas, if enough of them have acknowledged or its time is over.
  End CheckReplicas(int64_t now_ms);
  // The timeout of a wait for keys with this deadline.
  End TimeOut(int64_t deadline_ms);
  // The reply of a wait for keys or for work.
  End Answer(const LateAnswer& answer);
  // CLIENT UNBLOCK.
  End Unblock(bool with_error);
  // Ends the command without a reply. False if its reply is on the way.
  bool Abandon();
  // Ends the command in any case: its client is gone.
  void Forget();

 private:
  bool WantsReply() const { return !session_.reply_mode.is_silent(); }
  // Removes the client from those who wait for a key. False if its reply is on the way.
  bool LeaveKeys();
  // `deadline_ms`: INT64_MAX if there is none.
  void NoteBegin(int64_t deadline_ms);
  void Reset();
  End Replied();
  void ReplyError(std::string_view error);

  IoThread& thread_;
  ClientConnection& connection_;
  Server& server_;
  Session& session_;
  ReplyPath& replies_;
  resp::ReplyWriter& reply_;
  // One of these at a time.
  std::shared_ptr<const WaitingRequest> key_wait_;
  std::optional<outcome::ReplicaWait> replica_wait_;
  bool uses_session_ = false;
  bool is_running_ = false;
  uint64_t key_wait_spent_ = 0;  // nanoseconds of its command before it blocked
  std::string begun_;            // of the reply to a late one, before the answer
  uint32_t begun_term_ = 0;
};

}  // namespace ringkv::server
