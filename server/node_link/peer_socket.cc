// SPDX-License-Identifier: MIT
#include "server/node_link/peer_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace ringkv::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSliceMs = 100;  // how long a connection attempt waits before it looks whether it shall stop

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

int MillisecondsUntil(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
}

}  // namespace

PeerSocket::PeerSocket(transport::Channel channel) : PeerSocket(std::unique_ptr<Connecting>()) {
  Take(std::move(channel));
}

PeerSocket::PeerSocket(std::unique_ptr<Connecting> connecting)
    : connecting_(std::move(connecting)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

PeerSocket::~PeerSocket() { ::close(wake_); }

void PeerSocket::Take(transport::Channel channel) {
  channel_ = std::move(channel);
  const int descriptor = channel_.descriptor();
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

// --- connecting -----------------------------------------------------------------------------------------------------

std::unique_ptr<PeerSocket> PeerSocket::Begin(const std::string& host, int port, int64_t timeout_ms,
                                              const Outward& outward) {
  return std::unique_ptr<PeerSocket>(new PeerSocket(std::make_unique<Connecting>(host, port, timeout_ms, outward)));
}

storage::Result<bool> PeerSocket::GoOn(int64_t now) {
  if (connecting_ == nullptr) return true;
  storage::Result<transport::Channel> channel = connecting_->GoOn(now);
  if (!channel) return tl::unexpected(std::move(channel.error()));
  if (!channel->is_open()) return false;
  Take(std::move(*channel));
  connecting_.reset();
  return true;
}

storage::Result<std::unique_ptr<PeerSocket>> PeerSocket::Connect(const std::string& host, int port, int64_t timeout_ms,
                                                                 const std::atomic<bool>& stop,
                                                                 const Outward& outward) {
  std::unique_ptr<PeerSocket> socket = Begin(host, port, timeout_ms, outward);
  for (;;) {
    const int64_t now = NowMs();
    const storage::Result<bool> stands = socket->GoOn(now);
    if (!stands) return tl::unexpected(stands.error());
    if (*stands) return socket;
    if (stop) return storage::Fail("cannot reach " + host + ":" + std::to_string(port) + ": the link was closed");
    pollfd waiting = socket->connecting_->awaited();
    const int64_t left_ms = std::max<int64_t>(socket->connects_until() - now, 0);
    ::poll(&waiting, 1, static_cast<int>(std::min(kSliceMs, left_ms)));
  }
}

// --- bytes ----------------------------------------------------------------------------------------------------------

storage::Result<bool> PeerSocket::WaitFor(short events, int64_t timeout_ms) {
  const bool reads = (events & POLLIN) != 0;
  pollfd waiting[2] = {{channel_.descriptor(), events, 0}, {wake_, POLLIN, 0}};
  const int ready = ::poll(waiting, reads ? 2 : 1, static_cast<int>(std::min<int64_t>(timeout_ms, INT32_MAX)));
  if (interrupted_) return storage::Fail("the link was closed");
  if (ready <= 0) return false;
  if (reads && waiting[1].revents != 0) ForgetWake();
  return waiting[0].revents != 0;
}

void PeerSocket::AddTo(std::vector<pollfd>* waiting, bool or_sendable) const {
  const int events = or_sendable ? POLLIN | POLLOUT : POLLIN;
  const pollfd own{channel_.descriptor(), static_cast<short>(events), 0};
  waiting->push_back(connecting_ == nullptr ? own : connecting_->awaited());
  waiting->push_back({wake_, POLLIN, 0});
}

void PeerSocket::ForgetWake() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(wake_, &count, sizeof count);
}

storage::Status PeerSocket::Send(std::string_view bytes, int64_t timeout_ms) {
  while (!bytes.empty()) {
    const ssize_t sent = channel_.Send(bytes.data(), bytes.size());
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return storage::Fail(std::strerror(errno));
    const storage::Result<bool> ready = WaitFor(POLLOUT, timeout_ms);
    if (!ready) return tl::unexpected(ready.error());
    if (!*ready) return storage::Fail("the peer has read nothing for " + std::to_string(timeout_ms) + " ms");
  }
  return {};
}

storage::Result<size_t> PeerSocket::SendSome(std::string_view bytes) {
  for (;;) {
    const ssize_t sent = channel_.Send(bytes.data(), bytes.size());
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return storage::Fail(std::strerror(errno));
  }
}

storage::Result<size_t> PeerSocket::ReceiveSome(char* room, size_t size) {
  for (;;) {
    const ssize_t received = channel_.Receive(room, size);
    if (received > 0) return static_cast<size_t>(received);
    if (received == 0) return storage::Fail("the peer has closed the connection");
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return storage::Fail(std::strerror(errno));
    if (interrupted_) return storage::Fail("the link was closed");
    return 0;
  }
}

storage::Result<size_t> PeerSocket::Receive(char* room, size_t size, int64_t timeout_ms, bool or_sendable) {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (bool is_last = timeout_ms == 0;;) {
    const storage::Result<size_t> received = ReceiveSome(room, size);
    if (!received || *received > 0 || is_last) return received;
    const int left_ms = MillisecondsUntil(end);
    const storage::Result<bool> ready = WaitFor(or_sendable ? POLLIN | POLLOUT : POLLIN, left_ms);
    if (!ready) return tl::unexpected(ready.error());
    if (!*ready) return 0;
    is_last = or_sendable || left_ms == 0;  // else what has come may have been for TLS itself
  }
}

storage::Result<std::string> PeerSocket::ReceiveLine(size_t most, int64_t timeout_ms) {
  // Byte by byte, because the bytes after the line belong to the caller.
  std::string line;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (line.size() <= most) {
    char byte = 0;
    const storage::Result<size_t> got = Receive(&byte, 1, std::max(MillisecondsUntil(end), 1));
    if (!got) return tl::unexpected(got.error());
    if (*got == 0 && Clock::now() >= end) {
      return storage::Fail("no answer within " + std::to_string(timeout_ms) + " ms");
    }
    if (*got == 0) continue;
    if (byte != '\n') {
      line.push_back(byte);
      continue;
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return line;  // empty ones say that the other side is still at work
  }
  return storage::Fail("the reply is too long");
}

void PeerSocket::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void PeerSocket::Interrupt() {
  interrupted_ = true;
  Wake();
  ::shutdown(channel_.descriptor(), SHUT_RDWR);
}

}  // namespace ringkv::server
