// SPDX-License-Identifier: MIT
// A client of the HTTP port: reads requests, one after the other, executes their commands, and writes responses to its
// reply path (reply_path.h).
//
// The next request is executed when the one before it has been answered. Bytes are always received (see
// backpressure.h). A client that closes its half of the connection gets the responses to what it has asked before.
//
// Threads: confined.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "resp/buffer.h"
#include "resp/reply_builder.h"
#include "server/execution/execution.h"
#include "server/http/event_stream.h"
#include "server/http/exchange.h"
#include "server/http/request_reader.h"
#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/passed_request.h"
#include "server/net/reply_path.h"
#include "server/net/stream_socket.h"
#include "server/session/session.h"

namespace ringkv::server {

class HttpConnection final : public ClientConnection, private StreamSocket::Owner {
 public:
  HttpConnection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card);
  ~HttpConnection() override;

  void Start() override { socket_.WaitReadable(); }
  void Flush() override;
  // Only a stream of events takes what is pushed.
  void Push(const std::string& line) override;
  void PushMessage(std::string_view message) override;
  void Close() override;
  void Release() override;
  void Resume() override;
  std::optional<int64_t> CheckReplicas(int64_t) override { return std::nullopt; }
  void Unblock(bool) override {}
  void EndKeyWait(int64_t) override {}
  void TakeAnswer(const LateAnswer& answer) override;
  void TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) override;
  size_t MostReplyBytes() const override;
  void CountReplyPart(uint64_t, size_t) override {}  // never more than the limit
  void RefuseReply(uint64_t number) override;
  void AppendLost(std::string_view error, ReplyGate::Form form, bool is_last) override;
  bool Tick(int64_t now_ms) override;
  bool MoveTo(IoThread& target) override;

  uint64_t id() const override { return session_.card->id; }
  bool is_paused() const override { return is_paused_; }

 private:
  // Whether nothing of the client is under way.
  bool IsAtRest() const {
    return MayServe() && MayReceive() && !waits_for_peers_ && request_since_ms_ == 0 && input_.empty() &&
           replies_.is_at_rest();
  }
  void OnReadable() override;
  void OnWritable() override;
  bool MayServe() const {
    return !is_closed_ && !is_ending_ && exchange_ == nullptr && body_.empty() && !is_full_ && !is_yielding_ &&
           !begins_again_ && events_ == nullptr;
  }
  bool MayReceive() const { return !is_closed_ && !has_ended_ && !is_yielding_ && lingers_since_ms_ == 0; }
  void Read();
  // Receives once and serves. False if the socket has nothing more now.
  bool ReceiveOnce();
  void Serve();
  // Reads the next part of a request. False if it needs more input.
  bool ServeOnce();
  bool TakeHead();
  // Starts the handler of a complete request.
  void Begin();
  std::string WhyDenied(const http::Target& target);
  void BeginAgainLater();
  void Pause();
  // Runs commands until the response is complete, a command has to wait, or the connection's turn is over.
  void Advance();
  // False if its reply comes later.
  bool RunCommand();
  // Acts on the outcome of a command, with its reply. False as for RunCommand.
  bool TakeOutcome(const outcome::Done& done, resp::ReplyBuilder& built);
  bool TakeOutcome(const outcome::Redirected&, resp::ReplyBuilder& built) {
    return TakeOutcome(outcome::Done(), built);
  }
  bool TakeOutcome(const outcome::Postponed& postponed, resp::ReplyBuilder&);
  bool TakeOutcome(const outcome::Elsewhere& where, resp::ReplyBuilder&);
  bool TakeOutcome(const outcome::KeyWait&, resp::ReplyBuilder&) { return NeedsRedisPort(); }
  bool TakeOutcome(const outcome::LateReply& late, resp::ReplyBuilder&);
  bool TakeOutcome(const outcome::ReplicaWait&, resp::ReplyBuilder&) { return NeedsRedisPort(); }
  bool TakeOutcome(const outcome::Stream&, resp::ReplyBuilder&) { return NeedsRedisPort(); }
  bool TakeOutcome(const outcome::HandOver&, resp::ReplyBuilder&) { return NeedsRedisPort(); }
  bool TakeOutcome(const outcome::Close&, resp::ReplyBuilder&) { return NeedsRedisPort(); }
  bool NeedsRedisPort();
  // Runs the exchange's work on the background thread.
  void SendWork();
  void Yield();
  // The reply of another node, or one that was merged from several nodes' replies.
  void TakeReplyBytes(std::string_view bytes);
  // The reply was longer than it may be.
  void TakeOverflow();
  // The last command that other nodes, or a thread for long work, were asked is answered.
  void GoOn();
  // Sends the parts of a command to their nodes, and executes those of this node.
  void PassOn(const ProxyPlan& plan);
  // Executes a part of this node. False if it cannot be executed here now.
  bool AnswerPart(const ProxyPart& part, const ReplyPlace& place);
  // Goes on after something that the connection waited for.
  void Continue();
  void Respond(http::Response response, bool keeps_alive);
  // From now on events follow the response's head.
  void BeginEvents(std::shared_ptr<http::EventStream> events);
  void SendEvent(const std::string& event);
  // Ends what a stream of events listens to, if there is one.
  void ForgetSession();
  // Goes on with the response's body when what was appended of it has been sent.
  void SendBody();
  // The response depends on the group, which was assigned its LSN in this term or an earlier one.
  void DependOn(storage::Lsn lsn, uint32_t term);
  http::Delivery DeliveryOf(bool keeps_alive);
  http::RequestLimits Limits() const;
  // Reads the limits from the options.
  void UpdateLimits();
  void UpdateCard();
  // After the last response was sent: waits for the client to close. If this server closed while the client still
  // sends, the client could lose the response.
  void Linger();
  void Drop();

  IoThread& thread_;
  Server& server_;
  const http::HttpParts http_parts_;
  StreamSocket socket_;
  Session session_;
  resp::Buffer input_;
  ReplyPath replies_;
  resp::Buffer& output_;  // of the reply path
  http::RequestReader reader_;
  std::optional<http::Target> target_;         // the request is admitted, its body comes
  std::optional<http::Response> refusal_;      // or it is not
  std::shared_ptr<http::Exchange> exchange_;   // shared with a command that runs elsewhere, whose arguments it has
  std::shared_ptr<http::EventStream> events_;  // the response under way is this stream; null: it is none
  http::BodySlices body_;                      // of the response under way, without what is in the output
  storage::Lsn needed_ = 0;                    // that the response depends on
  uint32_t needed_term_ = 0;                   // in which a majority is to have it; 0: none need
  uint64_t passed_on_ = 0;                     // commands that other nodes were asked
  bool waits_for_peers_ = false;               // to answer the last of them
  bool is_passing_on_ = false;
  bool is_running_ = false;       // the command, on a thread for long work
  uint64_t began_ticks_ = 0;      // when the request was whole
  int64_t request_since_ms_ = 0;  // its first byte; 0 between two
  size_t request_bytes_ = 0;
  int64_t idle_since_ms_;  // since when nothing has gone either way
  int64_t lingers_since_ms_ = 0;
  bool may_have_ended_ = true;  // the last receive did not go on until nothing was left, where an end would show
  bool is_closed_ = false;
  bool is_ending_ = false;     // no further request is read
  bool is_paused_ = false;     // the command waits for the end of a pause
  bool begins_again_ = false;  // the request, when keys are free
  bool is_full_ = false;       // of unread responses: the next request waits
  bool is_yielding_ = false;   // has had its turn: Resume goes on
  bool has_ended_ = false;     // nothing more comes from the client
};

}  // namespace ringkv::server
