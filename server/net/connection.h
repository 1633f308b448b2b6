// SPDX-License-Identifier: MIT
// A client of the Redis protocol: reads requests, executes them, and writes replies to its reply path (reply_path.h).
//
// It always receives: what can't be executed now waits in the input (see backpressure.h). A client that closes its half
// of the connection gets the answers to what it has asked before; only blocking commands end with it.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "resp/request_parser.h"
#include "server/execution/execution.h"
#include "server/execution/request.h"
#include "server/net/blocked_command.h"
#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/proxy_link.h"
#include "server/net/reply_path.h"
#include "server/net/stream_socket.h"
#include "server/session/session.h"

namespace ringkv::server {

class Connection final : public ClientConnection, private StreamSocket::Owner {
 public:
  Connection(IoThread& thread, int descriptor, std::shared_ptr<ClientCard> card);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start() override;
  void Flush() override;
  void Push(const std::string& bytes) override;
  void PushMessage(std::string_view message) override;
  void Close() override;
  void Release() override;
  void Resume() override;
  // The deadline of its wait for replicas; none if it does not wait for any.
  std::optional<int64_t> replica_deadline_ms() const { return blocked_.replica_deadline_ms(); }
  // Replies to a client that waits for replicas, if it can. False if it stays blocked.
  bool CheckReplicas(int64_t now_ms);
  void Unblock(bool with_error) override;
  void EndKeyWait(int64_t deadline_ms) override;
  void TakeAnswer(const LateAnswer& answer) override;
  void TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) override;
  size_t MostReplyBytes() const override { return replies_.limits().output_limit; }
  void CountReplyPart(uint64_t number, size_t bytes) override { replies_.CountPart(number, bytes); }
  void RefuseReply(uint64_t) override { replies_.CloseLater(); }
  void AppendLost(std::string_view error, ReplyGate::Form form, bool is_last) override;
  bool Tick(int64_t now_ms) override;

  uint64_t id() const override { return session_.card->id; }
  bool is_paused() const override { return is_paused_; }

 private:
  void OnReadable() override;
  void OnWritable() override;
  // Receives what has come and serves it. Safe to call at any time.
  void Read();
  bool MayReceive() const { return !is_closed_ && !has_ended_ && !is_yielding_ && !HasEnoughForPeers(); }
  // While other nodes have to answer, the client may be stuck in sending: their answers don't depend on it.
  bool HasEnoughForPeers() const {
    return waits_for_peers_ && input_.size() > std::min(replies_.limits().mark, replies_.limits().input_limit / 2);
  }
  // Receives once. False when nothing more is to be had now.
  bool ReceiveOnce();
  void Serve();
  bool MayServe() const {
    return !is_closed_ && !is_paused_ && !is_full_ && !is_yielding_ && !closes_after_reply_ && stream_ == nullptr &&
           !blocked_.is_blocked() && !waits_for_peers_ && !take_socket_;
  }
  // Requests that have come, or replies to them, wait for something.
  bool HasUnfinished() const {
    return is_full_ || is_yielding_ || is_paused_ || waits_for_peers_ || replies_.has_missing() || stream_ != nullptr ||
           blocked_.waits_for_keys() || take_socket_;
  }
  // Reads the next few requests from the input and executes them; false when serving has to stop.
  bool ServeBatch(const resp::RequestLimits& limits);
  resp::ParseStatus ParseBatch(const resp::RequestLimits& limits);
  // Whether the next request may be executed with the replies that wait. `unexecuted`: its bytes and those behind it.
  bool MayExecute(size_t unexecuted);
  bool ServeOne(const Request& request, size_t unexecuted);
  // What subscribers are told goes to the client, wherever the reply goes.
  Caller CallerFor(resp::ReplyWriter& reply) {
    return {.server = server_,
            .thread = thread_.state(),
            .session = session_,
            .reply = reply,
            .pushes = &reply_,
            .may_wait = true};
  }
  // The reply goes nowhere, and takes no memory; what the client gets all the same goes to the output.
  Outcome ExecuteUnanswered(const Request& request);
  // A request was executed: what its outcome asks for. What was appended to the output from `start` on is its reply.
  // False when the requests behind it have to wait, or will never be executed.
  bool GoOn(outcome::Done& done, size_t start);
  bool GoOn(outcome::Postponed& postponed, size_t start);
  bool GoOn(outcome::Elsewhere& where, size_t start);
  bool GoOn(outcome::KeyWait& wait, size_t start);
  bool GoOn(outcome::ReplicaWait& wait, size_t start);
  bool GoOn(outcome::Stream& stream, size_t start);
  bool GoOn(outcome::HandOver& hand_over, size_t start);
  bool GoOn(outcome::Close& close, size_t start);
  // The reply may leave when it is safe, behind those of other nodes that were asked before.
  void QueueReply(size_t start);
  // Others come first.
  void Yield();
  // The client has closed its half of the connection.
  void EndInput();
  // The connection is broken. Requests that were received and wait for nothing but the replies before them are executed
  // still, as they would have been had these been sent in time.
  void BreakOff();
  // Whether the request has to wait until other nodes have answered some or all of those before it.
  bool MustWaitForPeers(const Request& request);
  // Until no more than so many of their answers are missing.
  void WaitForPeers(size_t missing) {
    waits_for_peers_ = true;
    awaited_missing_ = missing;
  }
  // Sends the request to the nodes that the plan names, and answers here what is to be answered here.
  void PassOn(const ProxyPlan& plan);
  // False if it can't be answered here now.
  bool AnswerPart(const ProxyPart& part, const ReplyPlace& place);
  // Gives the socket to whom the command has named. All that was to be sent has left.
  void HandOver();
  // Nobody else knows the client any more by what it has subscribed to, watches or waits for.
  void ForgetSession();
  // The client has closed its half: its blocking command ends without a reply, unless that is on the way.
  void AbandonBlocked();
  // Goes on with the requests behind a blocking command that has its reply. False if it has none yet.
  bool GoOnAfter(BlockedCommand::End end);
  // Until a waiting command has ended its reply mode holds.
  bool WantsReply() const { return !session_.reply_mode.is_silent(); }
  // The command is done that CLIENT REPLY SKIP has meant.
  void EndSkip() { session_.reply_mode.skips_this = false; }
  // Appends the next part of a reply that is made part by part.
  void ContinueStream();
  // What has come is no request: says so behind the replies to all that came before it, and ends the connection.
  void RefuseInput();
  // What MONITOR pushes is limited like what a subscriber is pushed.
  ClientClass client_class() const {
    return session_.is_monitor || !session_.subscriptions.empty() ? ClientClass::kPubSub : ClientClass::kNormal;
  }
  // Reads the limits from the options.
  void UpdateLimits();
  // In a cluster: ends subscriptions to shard channels whose slot has gone to others.
  void DropForeignChannels();
  // Gives back what the buffers don't need; `all`: also what the next request may need.
  void ShrinkBuffers(bool all);
  void UpdateCard();

  IoThread& thread_;
  Server& server_;
  StreamSocket socket_;
  Session session_;
  resp::Buffer input_;
  ReplyPath replies_;
  resp::Buffer& output_;  // of the reply path
  resp::RequestParser parser_;
  resp::ReplyWriter reply_;
  // What goes on when a command has returned: nothing is served until it ends. One of these at a time.
  BlockedCommand blocked_;
  std::unique_ptr<ReplyStream> stream_;
  std::function<void(int descriptor, std::string unread)> take_socket_;
  size_t read_size_;
  bool is_closed_ = false;
  bool is_paused_ = false;        // by CLIENT PAUSE: the next request waits
  bool is_full_ = false;          // of unread replies: the next request waits
  bool is_yielding_ = false;      // has had its turn: Resume goes on
  bool has_ended_ = false;        // nothing more comes from the client
  bool waits_for_peers_ = false;  // the next request waits until other nodes have answered
  size_t awaited_missing_ = 0;    // answers that may be missing then
  bool may_have_ended_ = true;    // the last receive did not go on until nothing was left, where an end would show
  int64_t last_read_ms_ = 0;
  uint64_t channels_version_ = 0;  // of the cluster's view that the shard channels were compared with
  bool closes_after_reply_ = false;
  bool is_answered_ = false;  // the client wanted a reply before or after the command under way
};

}  // namespace ringkv::server
