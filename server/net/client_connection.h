// SPDX-License-Identifier: MIT
// The interface of a client's connection to its I/O thread and its reply path, for every protocol.
//
// Lifetime: owned by its IoThread. Close drops the socket at once; the object is destroyed at the end of the round.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/net/reply_gate.h"
#include "storage/base/lsn.h"

namespace ringkv::server {

class IoThread;
struct InvalidationMessage;
struct LateAnswer;

// Which clients of those that an invalidation is given to it concerns.
enum class ForWhom : uint8_t {
  kReaders,     // those that remember keys by reading them
  kBroadcasts,  // those that hear of all keys
  kAll,
};

// A client that has asked nothing for so long may have gone: Tick looks. It must not look at the others, or it would
// find and serve the requests of all that wait for their turn, before any reply leaves.
constexpr int64_t kQuietMs = 200;

class ClientConnection {
 public:
  virtual ~ClientConnection() = default;

  virtual void Start() = 0;
  // Sends as much as the socket takes; the rest when it is writable again.
  virtual void Flush() = 0;
  // Appends a line of MONITOR, if the client is one.
  virtual void Push(const std::string& bytes) = 0;
  // Appends a published message, given in RESP2.
  virtual void PushMessage(std::string_view message) = 0;
  // Tells a client that keeps copies of keys; see Connection.
  virtual void Invalidate(const InvalidationMessage&, ForWhom) {}
  // Likewise, in place of another client.
  virtual void PushInvalidation(const InvalidationMessage&) {}
  // The client that hears in its place is gone.
  virtual void NoteBrokenRedirect() {}
  virtual void Close() = 0;
  // Sends held replies whose LSN is durable now.
  virtual void Release() = 0;
  // Resumes after a pause.
  virtual void Resume() = 0;
  // Replies to a client that waits for replicas (WAIT), if it can. Returns the deadline of a wait that goes on, by the
  // steady clock.
  virtual std::optional<int64_t> CheckReplicas(int64_t now_ms) = 0;
  // Unblocks the client, if it is blocked.
  virtual void Unblock(bool with_error) = 0;
  // The timeout of a blocking command, if the client is still blocked by it.
  virtual void EndKeyWait(int64_t deadline_ms) = 0;
  // The late reply of its blocking command.
  virtual void TakeAnswer(const LateAnswer& answer) = 0;
  // The reply of another node.
  virtual void TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) = 0;
  // How long such a reply may be, in bytes.
  virtual size_t MostReplyBytes() const = 0;
  // A part of the reply has come; it is kept until the whole is there.
  virtual void CountReplyPart(uint64_t number, size_t bytes) = 0;
  // The reply is longer than it may be, and was not kept.
  virtual void RefuseReply(uint64_t number) = 0;
  // Appends to the output, instead of a held reply that will not become safe: the error, in its form. `is_last`: no
  // output follows it.
  virtual void AppendLost(std::string_view error, ReplyGate::Form form, bool is_last) = 0;
  // Called several times a second. False when the connection exceeds a limit and must be closed.
  virtual bool Tick(int64_t now_ms) = 0;
  // Lets another thread serve the client from now on, if nothing of it is under way and nothing but its socket is known
  // to this thread. False if it stays.
  virtual bool MoveTo(IoThread& target) = 0;

  virtual uint64_t id() const = 0;
  virtual bool is_paused() const = 0;

  uint32_t served_window = 0;     // for the thread's Gathering
  uint32_t work = 0;              // requests, lately; for the thread's Spreader
  uint32_t recent_work = 0;       // likewise, in its last interval
  uint64_t postponed_number = 0;  // for the thread: its place among those that were postponed
};

}  // namespace ringkv::server
