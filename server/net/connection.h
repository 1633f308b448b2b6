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
#include "server/execution/execution.h"
#include "server/execution/request.h"
#include "server/net/blocked_command.h"
#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/passed_request.h"
#include "server/net/reply_path.h"
#include "server/net/request_input.h"
#include "server/net/stream_socket.h"
#include "server/net/unread_invalidations.h"
#include "server/session/session.h"

namespace ringkv::server {

class Connection final : public ClientConnection, private StreamSocket::Owner {
 public:
  Connection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start() override;
  void Flush() override;
  void Push(const std::string& bytes) override;
  void PushMessage(std::string_view message) override;
  void Invalidate(const InvalidationMessage& message, ForWhom whom) override;
  void PushInvalidation(const InvalidationMessage& message) override;
  void NoteBrokenRedirect() override;
  void Close() override;
  void Release() override;
  void Resume() override;
  std::optional<int64_t> CheckReplicas(int64_t now_ms) override;
  void Unblock(bool with_error) override;
  void EndKeyWait(int64_t deadline_ms) override;
  void TakeAnswer(const LateAnswer& answer) override;
  void TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) override;
  size_t MostReplyBytes() const override { return replies_.limits().output_limit; }
  void CountReplyPart(uint64_t number, size_t bytes) override { replies_.CountPart(number, bytes); }
  void RefuseReply(uint64_t) override { replies_.CloseLater(); }
  void AppendLost(std::string_view error, ReplyGate::Form form, bool is_last) override;
  bool Tick(int64_t now_ms) override;
  bool MoveTo(IoThread& target) override;

  uint64_t id() const override { return session_.card->id; }
  bool is_paused() const override { return is_paused_; }

 private:
  Connection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card, int64_t last_read_ms);
  // Whether nothing of the client is under way.
  bool IsAtRest() const {
    return !is_closed_ && !has_ended_ && !closes_after_reply_ && !HasUnfinished() && !blocked_.is_blocked() &&
           !blocked_.uses_session() && input_.Unexecuted() == 0 && replies_.is_at_rest() && session_.HasOnlyState();
  }
  void OnReadable() override;
  void OnWritable() override;
  // Receives and serves requests. Safe to call at any time.
  void Read();
  bool MayReceive() const { return !is_closed_ && !has_ended_ && !is_yielding_ && !HasEnoughForPeers(); }
  // Replies of other nodes do not depend on further requests, so the client may have to wait in its send.
  bool HasEnoughForPeers() const {
    return waits_for_peers_ && input_.size() > std::min(replies_.limits().mark, replies_.limits().input_limit / 2);
  }
  // Receives once and serves. False if the socket has nothing more now.
  bool ReceiveOnce();
  void Serve();
  bool MayServe() const {
    return !is_closed_ && !is_paused_ && !is_full_ && !is_yielding_ && !closes_after_reply_ && !replies_.is_closing() &&
           stream_ == nullptr && !blocked_.is_blocked() && !waits_for_peers_ && !take_socket_;
  }
  // Received requests, or replies to them, wait for something.
  bool HasUnfinished() const {
    return is_full_ || is_yielding_ || is_paused_ || waits_for_peers_ || replies_.has_missing() || stream_ != nullptr ||
           blocked_.waits_for_keys() || take_socket_;
  }
  // Parses and executes the next few requests of the input. False if serving has to stop.
  bool ServeBatch(const resp::RequestLimits& limits);
  // Backpressure: whether the next request may be executed. `unexecuted`: its bytes and those behind it.
  bool MayExecute(size_t unexecuted);
  bool ServeOne(const Request& request, size_t unexecuted);
  // Pushes go to the client even if the reply does not.
  Caller CallerFor(resp::ReplyWriter& reply) {
    return {.parts = server_.execution_parts(),
            .thread = thread_.state(),
            .session = session_,
            .reply = reply,
            .pushes = &reply_,
            .may_wait = true,
            .may_hand_over = !replies_.has_missing()};  // late replies don't wait for those of other nodes
  }
  // Executes without a reply (CLIENT REPLY OFF and SKIP). Pushes go to the output.
  Outcome ExecuteUnanswered(const Request& request);
  // Acts on the outcome of a request, whose reply is queued. False if the requests behind it have to wait, or will
  // never be executed.
  bool GoOn(outcome::Done&) {
    EndCommand();
    return true;
  }
  bool GoOn(outcome::Redirected&) {
    EndCommand();
    return true;
  }
  bool GoOn(outcome::Postponed& postponed);
  void Pause();
  bool GoOn(outcome::Elsewhere& where);
  bool GoOn(outcome::KeyWait& wait);
  bool GoOn(outcome::LateReply& late);
  bool GoOn(outcome::ReplicaWait& wait);
  bool GoOn(outcome::Stream& stream);
  bool GoOn(outcome::HandOver& hand_over);
  bool GoOn(outcome::Close& close);
  // Queues what the last command has appended to the output from `start` on.
  void TakeBackReply(Outcome& ended, size_t start);
  void QueueReply(size_t start);
  // Ends the connection's turn: other connections come first.
  void Yield();
  // The client has closed its half of the connection.
  void EndInput();
  // The connection is broken. Received requests that only waited for earlier replies to be read are still executed.
  void BreakOff();
  // Whether the request has to wait until other nodes have replied to some or all of those before it.
  bool MustWaitForPeers(const Request& request);
  // Waits until no more than so many of their replies are missing.
  void WaitForPeers(size_t missing) {
    waits_for_peers_ = true;
    awaited_missing_ = missing;
  }
  // Sends the parts of a request to their nodes, and executes those of this node.
  void PassOn(const ProxyPlan& plan);
  // Executes a part of this node. False if it cannot be executed here now.
  bool AnswerPart(const ProxyPart& part, const ReplyPlace& place);
  // Hands the socket over, after all output was sent.
  void HandOver();
  // Ends the connection, whose socket is closed. It is destroyed soon.
  void Leave();
  // Removes the client from subscriptions, watched keys and blocked clients.
  void ForgetSession();
  // Behind a reply that is under way.
  void AppendPush(std::string_view first, std::string_view rest);
  // A reply is under way, of which a part is missing, or which may have read what has changed since.
  bool IsAmidReply() const { return stream_ != nullptr || blocked_.awaits_work(); }
  void AppendInvalidation(std::string_view first, std::string_view rest, storage::Lsn lsn);
  // Those that came while a reply was under way, if none is any more.
  void AppendHeldInvalidations();
  // All output was sent.
  void NoteInvalidationsRead();
  // The reply of a command that has run elsewhere.
  void TakeLongReply(const LateAnswer& answer);
  // The client has closed its half: its blocking command ends without a reply, unless that is on the way.
  void AbandonBlocked();
  // Executes the blocking command anew, as if it had just come: the role of the primary is handed over. False if it
  // can't be.
  bool BeginAgain();
  // Goes on with the requests behind a blocking command that has its reply. False if it has none yet.
  bool GoOnAfter(BlockedCommand::End end);
  // The reply mode applies until a blocking command has ended.
  bool WantsReply() const { return !session_.reply_mode.is_silent(); }
  // The command that CLIENT REPLY SKIP or CLIENT CACHING affects has ended.
  void EndCommand() {
    session_.reply_mode.skips_this = false;
    if (session_.tracking.ends_caching) [[unlikely]]
      EndCaching();
  }
  void EndCaching();
  // Appends the next part of a streamed reply.
  void ContinueStream();
  // Replies with a protocol error, behind all earlier replies, and ends the connection.
  void RefuseInput();
  // A client in MONITOR has the limits of subscribers.
  ClientClass client_class() const {
    return session_.is_monitor || !session_.subscriptions.empty() ? ClientClass::kPubSub : ClientClass::kNormal;
  }
  // Reads the limits from the options.
  void UpdateLimits();
  // In a cluster: ends subscriptions to shard channels whose slot has moved to another shard.
  void DropForeignChannels();
  // Frees unused memory of large buffers; `all`: of all buffers.
  void ShrinkBuffers(bool all);
  void UpdateCard();

  IoThread& thread_;
  Server& server_;
  StreamSocket socket_;
  Session session_;
  RequestInput input_;
  ReplyPath replies_;
  resp::Buffer& output_;  // of the reply path
  resp::ReplyWriter reply_;
  // These continue after their command has returned, and nothing else is served until they end. One at a time.
  BlockedCommand blocked_;
  std::unique_ptr<ReplyStream> stream_;
  std::shared_ptr<LentInput> borrower_;  // of the bytes of the request that is served
  bool closes_after_stream_ = false;
  std::function<void(transport::Channel channel, std::string unread)> take_socket_;
  bool is_closed_ = false;
  bool is_paused_ = false;        // the next request is postponed
  bool is_full_ = false;          // of unread replies: the next request waits
  bool is_yielding_ = false;      // has had its turn: Resume goes on
  bool has_ended_ = false;        // nothing more comes from the client
  bool waits_for_peers_ = false;  // the next request waits until other nodes have answered
  size_t awaited_missing_ = 0;    // answers that may be missing then
  bool may_have_ended_ = true;    // the last receive did not go on until nothing was left, where an end would show
  UnreadInvalidations unread_invalidations_;
  int64_t last_read_ms_ = 0;
  uint64_t channels_version_ = 0;  // of the cluster's view that the shard channels were compared with
  bool closes_after_reply_ = false;
  bool is_answered_ = false;  // the client wanted a reply before or after the command under way
};

}  // namespace ringkv::server
