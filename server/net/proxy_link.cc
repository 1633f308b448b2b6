// SPDX-License-Identifier: MIT
#include "server/net/proxy_link.h"

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <utility>

#include "cluster/link/link_words.h"
#include "resp/request_writer.h"
#include "server/composition/server.h"
#include "server/node_link/handshake.h"
#include "storage/base/allocator.h"
#include "transport/slow_sender.h"

namespace ringkv::server {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kLargestReply = size_t{1} << 30;
constexpr int kMostReads = 16;  // at once, so that a node that sends a lot holds up no clients

// What is said before the first request. All of it has this long.
storage::Status ShakeHands(PeerSocket& socket, bool reads_replica, Server& server, int64_t timeout_ms) {
  const int64_t end_ms = server.clock().SteadyMs() + timeout_ms;
  const auto left_ms = [&] { return std::max<int64_t>(end_ms - server.clock().SteadyMs(), 0); };
  if (storage::Status known = Authenticate(socket, server.options(), left_ms()); !known) return known;
  // Tells the node that this client is a node, so that it forwards nothing further.
  const auto capable = Ask(socket, left_ms(), {"REPLCONF", "capa", std::string(cluster::kLinkCapability)});
  if (!capable) return tl::unexpected(capable.error());
  if (!reads_replica) return {};
  const auto reads = Ask(socket, left_ms(), {"READONLY"});
  return reads ? storage::Status() : tl::unexpected(reads.error());
}

}  // namespace

ProxyLink::ProxyLink(asio::io_context& context, Server& server, Owner& owner, std::string host, int port, int protocol,
                     bool reads_replica)
    : context_(context),
      server_(server),
      owner_(owner),
      host_(std::move(host)),
      port_(port),
      protocol_(protocol),
      reads_replica_(reads_replica) {}

ProxyLink::~ProxyLink() {
  stopping_ = true;
  connecting_.Interrupt();
  if (connector_.joinable()) connector_.join();
}

void ProxyLink::Send(PassedRequest request) {
  last_used_ms_ = server_.clock().SteadyMs();
  if (waiting_.empty()) waits_since_ms_ = last_used_ms_;
  output_.Append(request.bytes);
  if (request.place.connection == 0) std::string().swap(request.bytes);  // never sent again
  waiting_.push_back(std::move(request));
  if (state_ == State::kClosed) return Connect();
  if (state_ == State::kUp && !will_flush_ && !is_writing_) {
    will_flush_ = true;
    owner_.FlushLater(this);
  }
}

storage::Result<transport::Channel> ProxyLink::ConnectAndShakeHands() {
  const Options& options = server_.options();
  const int64_t timeout_ms = options.cluster_node_timeout;
  const auto socket = connecting_.Connect(host_, port_, timeout_ms, stopping_, ToNode(options));
  if (!socket) return tl::unexpected(socket.error());
  if (stopping_) return storage::Fail("the link was closed");
  const storage::Status shaken = ShakeHands(**socket, reads_replica_, server_, timeout_ms);
  connecting_.Reset();
  if (!shaken) return tl::unexpected(shaken.error());
  return (*socket)->Release();
}

void ProxyLink::Connect() {
  state_ = State::kConnecting;
  if (!is_known_failed_) return ConnectInThread();
  // Later, since the client's next request, which may be lost likewise, leaves when this one is answered.
  asio::post(context_, [this, alive = std::weak_ptr<bool>(life_)] {
    if (!alive.expired()) Close(connect_error_);
  });
}

void ProxyLink::ConnectInThread() {
  if (connector_.joinable()) connector_.join();
  connector_ = std::thread([this, alive = std::weak_ptr<bool>(life_)] {
    NameThisThread("proxy-connect");
    storage::CountMemoryOfThisThread();
    storage::Result<transport::Channel> made = ConnectAndShakeHands();
    const std::string why = made ? "" : made.error().text;
    auto channel = std::make_shared<transport::Channel>(made ? std::move(*made) : transport::Channel());
    asio::post(context_, [this, alive, channel, why] {
      if (!alive.expired()) Connected(std::move(*channel), why);
    });
  });
}

void ProxyLink::Connected(transport::Channel channel, const std::string& why) {
  connector_.join();
  connect_error_ = why;
  if (!channel.is_open()) return Close(why);
  state_ = State::kUp;
  StreamSocket::Owner& reader = *this;
  socket_ = std::make_unique<StreamSocket>(context_, std::move(channel), reader);
  socket_->ProbeAfter(server_.options().cluster_node_timeout / 3);
  if (protocol_ == 3) {
    // Before all others: its reply is nobody's.
    resp::Buffer first;
    first.Append(resp::EncodeRequest({"HELLO", "3"}));
    first.Append(output_.Readable());
    output_ = std::move(first);
    waiting_.push_front({});
  }
  socket_->WaitReadable();
  Flush();
}

void ProxyLink::Flush() {
  will_flush_ = false;
  if (state_ != State::kUp || is_writing_) return;
  while (!output_.empty()) {
    const std::string_view bytes = output_.Readable();
    const ssize_t sent = socket_->Send(bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      is_writing_ = true;
      return socket_->WaitWritable();
    }
    if (sent < 0) return Close("the connection was lost");
    output_.Consume(static_cast<size_t>(sent));
  }
}

void ProxyLink::OnWritable() {
  is_writing_ = false;
  Flush();
}

void ProxyLink::OnReadable() {
  for (int reads = 0; state_ == State::kUp; ++reads) {
    if (reads == kMostReads) return ReadLater();
    char* room = input_.Prepare(kReadBytes);
    const ssize_t got = socket_->Receive(room, kReadBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got <= 0) return Close("the connection was lost");
    input_.Commit(static_cast<size_t>(got));
    begun_bytes_ += static_cast<size_t>(got);
    TakeReplies();
    if (static_cast<size_t>(got) < kReadBytes) break;
  }
  if (state_ == State::kUp) socket_->WaitReadable();
}

// The event loop tells only once that there is something.
void ProxyLink::ReadLater() {
  asio::post(context_, [this, alive = std::weak_ptr<bool>(life_)] {
    if (!alive.expired()) OnReadable();
  });
}

void ProxyLink::TakeReplies() {
  waits_since_ms_ = server_.clock().SteadyMs();
  while (state_ == State::kUp && !input_.empty()) {
    size_t size = 0;
    const resp::ReplyScanner::Status found = scanner_.Scan(input_.Readable(), kLargestReply, &size);
    if (begun_ms_ == 0) {
      begun_ms_ = waits_since_ms_;
      begun_bytes_ = input_.size();
    }
    if (found == resp::ReplyScanner::Status::kNeedMore) return DropTooLong();
    if (found == resp::ReplyScanner::Status::kError || waiting_.empty()) return Close("what came from it is no reply");
    std::string reply(input_.Readable().substr(0, size));
    input_.Consume(size);
    begun_ms_ = 0;
    const bool was_dropped = std::exchange(drops_reply_, false);
    if (++replies_taken_ < waiting_.front().replies) continue;
    replies_taken_ = 0;
    PassedRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    was_dropped ? owner_.AnsweredTooLong(std::move(request)) : owner_.Answered(std::move(request), std::move(reply));
  }
}

void ProxyLink::DropTooLong() {
  const size_t known = scanner_.known();
  if (waiting_.empty() || std::max(known, input_.size()) <= kReadBytes) return;
  if (!drops_reply_ && std::max(known, input_.size()) <= owner_.MostReplyBytes(waiting_.front())) return;
  drops_reply_ = true;
  const size_t dropped = std::min(known, input_.size());
  input_.Consume(dropped);
  scanner_.Forget(dropped);
}

// The node sends a reply, but byte by byte.
bool ProxyLink::IsTooSlow(int64_t now_ms) const {
  const int64_t allowed_ms = server_.options().cluster_node_timeout + transport::TimeToSendMs(begun_bytes_);
  return begun_ms_ != 0 && now_ms - begun_ms_ > allowed_ms;
}

// A node may let requests wait for long, as during CLIENT PAUSE: while it lives, so do they.
void ProxyLink::Tick(int64_t now_ms, const std::function<bool()>& has_failed) {
  const int64_t timeout_ms = server_.options().cluster_node_timeout;
  if (state_ == State::kUp && WaitingMs(now_ms) > timeout_ms && (socket_->IsCutOffFor(timeout_ms) || has_failed())) {
    Close("it is silent");
  }
  if (IsTooSlow(now_ms)) Close("its reply comes too slowly");
  is_known_failed_ = !connect_error_.empty() && has_failed();
  if (input_.empty()) input_.ShrinkTo(0);
  if (output_.empty()) output_.ShrinkTo(0);
}

void ProxyLink::Close(const std::string& why) {
  const bool was_up = state_ == State::kUp;
  state_ = State::kClosed;
  socket_.reset();
  output_ = resp::Buffer();
  input_ = resp::Buffer();
  scanner_ = resp::ReplyScanner();
  replies_taken_ = 0;
  drops_reply_ = false;
  begun_ms_ = 0;
  is_writing_ = false;
  std::deque<PassedRequest> lost;
  lost.swap(waiting_);
  for (PassedRequest& request : lost) owner_.Lost(std::move(request), was_up, why);
}

}  // namespace ringkv::server
