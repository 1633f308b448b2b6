// SPDX-License-Identifier: MIT
#include "server/net/stream_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/detail/reactor.hpp>
#include <asio/detail/reactor_op.hpp>
#include <utility>

namespace ringkv::server {
namespace {

using asio::detail::reactor;
using asio::detail::reactor_op;

using Callback = void (StreamSocket::Owner::*)();

// "Call me at the next event": performing it takes nothing, and it is exhausted at once, so the reactor waits for a
// new event before it performs it again.
class ReadinessWait : public reactor_op {
 public:
  ReadinessWait(StreamSocket::Owner& owner, Callback callback)
      : reactor_op(asio::error_code(), &ReadinessWait::Perform, &ReadinessWait::Complete),
        owner_(owner),
        callback_(callback) {}

  bool is_waiting() const { return is_waiting_; }
  void Start() { is_waiting_ = true; }
  // It calls nobody any more. If it is under way, `home`, which it is a part of, lives until it has come back.
  void Cancel(const std::shared_ptr<void>& home) {
    is_cancelled_ = true;
    if (is_waiting_) home_ = home;
  }

 private:
  static status Perform(reactor_op*) { return done_and_exhausted; }

  // `loop` is null when the loop goes away with the wait still in it.
  static void Complete(void* loop, asio::detail::operation* base, const asio::error_code&, size_t) {
    auto* self = static_cast<ReadinessWait*>(base);
    const std::shared_ptr<void> home = std::move(self->home_);
    self->is_waiting_ = false;
    // The callback may destroy the socket, and this with it.
    if (loop != nullptr && !self->is_cancelled_) (self->owner_.*self->callback_)();
  }

  StreamSocket::Owner& owner_;
  const Callback callback_;
  std::shared_ptr<void> home_;
  bool is_waiting_ = false;
  bool is_cancelled_ = false;
};

}  // namespace

struct StreamSocket::Registration {
  Registration(asio::io_context& context, Owner& owner)
      : loop(asio::use_service<reactor>(context)),
        readable(owner, &Owner::OnReadable),
        writable(owner, &Owner::OnWritable) {}

  reactor& loop;
  reactor::per_descriptor_data data{};
  ReadinessWait readable;
  ReadinessWait writable;
};

StreamSocket::StreamSocket(asio::io_context& context, transport::Channel channel, Owner& owner)
    : channel_(std::move(channel)), registration_(std::make_shared<Registration>(context, owner)) {
  registration_->loop.init_task();
  if (registration_->loop.register_descriptor(channel_.descriptor(), registration_->data) != 0) channel_.Close();
}

StreamSocket::~StreamSocket() { Close(); }

void StreamSocket::WaitReadable() {
  if (!channel_.is_open() || registration_->readable.is_waiting()) return;
  registration_->readable.Start();
  registration_->loop.start_op(reactor::read_op, channel_.descriptor(), registration_->data, &registration_->readable,
                               false, true);
}

void StreamSocket::WaitWritable() {
  if (!channel_.is_open() || registration_->writable.is_waiting()) return;
  registration_->writable.Start();
  // Not speculative: that the socket took nothing is known, and epoll is told once to say when it does.
  registration_->loop.start_op(reactor::write_op, channel_.descriptor(), registration_->data, &registration_->writable,
                               false, false);
}

void StreamSocket::Close() {
  Detach(true);
  channel_.Close();
}

void StreamSocket::ProbeAfter(int64_t ms) {
  constexpr int64_t kLongestSeconds = 32767;  // tcp(7)
  probe_seconds_ = static_cast<int>(std::clamp<int64_t>(ms / 1000, 1, kLongestSeconds));
  ::setsockopt(channel_.descriptor(), IPPROTO_TCP, TCP_KEEPIDLE, &probe_seconds_, sizeof probe_seconds_);
  ::setsockopt(channel_.descriptor(), IPPROTO_TCP, TCP_KEEPINTVL, &probe_seconds_, sizeof probe_seconds_);
}

bool StreamSocket::IsCutOffFor(int64_t ms) const {
  constexpr int64_t kProbes = 3;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(channel_.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_last_ack_recv > ms + kProbes * 1000 * probe_seconds_;
}

transport::Channel StreamSocket::Release() {
  Detach(false);
  return std::move(channel_);
}

void StreamSocket::Detach(bool is_closed_next) {
  if (!channel_.is_open()) return;
  registration_->readable.Cancel(registration_);
  registration_->writable.Cancel(registration_);
  // Closing takes it out of epoll at no cost.
  registration_->loop.deregister_descriptor(channel_.descriptor(), registration_->data, is_closed_next);
  registration_->loop.cleanup_descriptor_data(registration_->data);
}

}  // namespace ringkv::server
