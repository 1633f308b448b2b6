// SPDX-License-Identifier: MIT
// The path of a client's replies to its socket, for every protocol: the output buffer with its limits, the order of
// replies of which other nodes send some, the gate that holds replies until their LSN is safe, and sending.
//
// A connection appends to the output and queues what it has appended as a reply. At the end of the round its thread
// flushes it.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "resp/buffer.h"
#include "server/config/output_limit.h"
#include "server/net/backpressure.h"
#include "server/net/client_eviction.h"
#include "server/net/peer_window.h"
#include "server/net/reply_gate.h"
#include "server/net/reply_queue.h"

namespace ringkv::server {

class ClientConnection;
class IoThread;
class Server;
class StreamSocket;
struct ClientCard;

class ReplyPath {
 public:
  enum class Progress : uint8_t {
    kSent,     // all output was sent
    kWaiting,  // the rest waits for the socket, or until it is safe
    kBroken,   // the connection is broken
    kRefused,  // a limit is exceeded, or a part of a reply cannot be replaced: the connection must be closed
  };

  // All references must outlive the path.
  ReplyPath(IoThread& thread, ClientConnection& connection, StreamSocket& socket, ClientCard& card);

  resp::Buffer& output() { return output_; }
  const Backpressure& limits() const { return limits_; }
  // Reads the limits from the options. Call before output is appended.
  void UpdateLimits(ClientClass client_class, bool may_be_evicted);
  // Backpressure: whether the next request may be executed. `unexecuted`: bytes of waiting requests.
  bool MayExecute(size_t unexecuted);
  // Whether a connection that may not has to try again.
  bool MayGoOn(size_t unexecuted) const { return limits_.MayGoOn(output_.size(), unexecuted); }

  // --- replies ---
  // What was appended from `start` on is a reply that depends on the group `needed` (0: on none) in the current term.
  // It is sent behind the replies that are missing.
  void Queue(size_t start, storage::Lsn needed) {
    if (needed != 0 || !foreign_.empty()) QueueBehind(start, needed);
  }
  // What was appended from `start` on may be sent when `needed` is safe. `term`: see ReplyGate::Hold.
  void Hold(size_t start, storage::Lsn needed, uint32_t term, ReplyGate::Form form = ReplyGate::Form::kWhole);
  bool IsSafe(storage::Lsn needed, uint32_t term);
  // Reserves the place of a reply that other nodes send; see ReplyQueue.
  uint64_t Reserve(size_t request_bytes, bool is_dropped);
  void Fill(uint64_t number, std::string reply, storage::Lsn needed);
  // A part of a reply of other nodes has come, and is kept elsewhere until the whole is there.
  void CountPart(uint64_t number, size_t bytes);
  bool has_missing() const { return !foreign_.empty(); }
  // How many replies of other nodes are missing.
  size_t missing() const { return foreign_.missing(); }
  // Backpressure: whether another request may be passed on to other nodes.
  bool MayPassOn() const { return window_.IsOpen(foreign_.missing(), output_.size() + foreign_.bytes(), limits_.mark); }
  // So many bytes of the reply under way follow when the output has been sent; they count as output.
  void SetUnwritten(size_t bytes) { unwritten_ = bytes; }

  // Nothing waits here, for anything.
  bool is_at_rest() const {
    return output_.empty() && gate_.empty() && foreign_.empty() && !is_writing_ && !will_flush_ && !is_held_ &&
           !is_discarding_ && !is_closing_;
  }

  // --- sending ---
  // Calls the connection's Flush at the end of the round.
  void FlushLater();
  Progress Flush();
  // The socket takes more. Call before Flush.
  void NoteWritable() { is_writing_ = false; }
  // More output is safe. Call before Flush.
  void NoteSafe() { is_held_ = false; }
  // Waits until the socket takes more.
  bool is_writing() const { return is_writing_; }
  // Number of bytes sent since the beginning.
  uint64_t bytes_sent() const { return gate_.sent(); }
  // Nothing can be sent any more: output is discarded from now on.
  void Discard() { is_discarding_ = true; }
  bool is_discarding() const { return is_discarding_; }

  // --- limits and memory ---
  // Called several times a second. False if the connection must be closed.
  bool Tick(int64_t now_ms);
  // Notes that the output exceeds limits().output_limit, and closes the connection soon, because its command may be
  // running. Nothing more is sent.
  void CloseLater();
  bool is_closing() const { return is_closing_; }
  // Notes, once, that the output exceeds limits().output_limit.
  void NoteOverflow();
  // Updates the output in the client's card, and the client's share of the thread's memory.
  void CountMemory();

 private:
  enum class Limit : uint8_t { kOwn, kOfAllClients };  // client-output-buffer-limit, maxmemory-clients

  void NoteExceeded(Limit limit);
  void QueueBehind(size_t start, storage::Lsn needed);
  bool ExceedsLimit(int64_t now_ms);
  // How many bytes of the output may be sent, after held replies of ended terms were replaced. False if one of them
  // cannot be replaced.
  bool FindSendable(size_t* size);
  // No majority had what the held replies depend on in time: each is replaced by an error. False if one cannot be.
  bool GiveUpQuorum();

  IoThread& thread_;
  Server& server_;
  ClientConnection& connection_;
  StreamSocket& socket_;
  ClientCard& card_;
  CountedMemory counted_memory_;
  resp::Buffer output_;
  ReplyGate gate_;
  size_t unwritten_ = 0;
  ReplyQueue foreign_;  // replies of other nodes, and those behind them
  PeerWindow window_;
  Backpressure limits_;
  OutputLimitWatch limit_watch_;
  ClientClass client_class_ = ClientClass::kNormal;
  bool is_writing_ = false;     // waits until the socket takes more
  bool will_flush_ = false;     // the thread will call Flush
  bool is_held_ = false;        // by the gate: the thread will call Release
  bool is_discarding_ = false;  // nothing can be sent any more
  bool is_closing_ = false;     // for its output
};

}  // namespace ringkv::server
