// SPDX-License-Identifier: MIT
#include "server/node_link/connecting.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ringkv::server {
namespace {

using storage::Result;
using transport::Channel;
using transport::TlsSession;

// Lets the connection come from this address, if it can be had: a link from another one is better than none, and Redis
// sees it so too.
void BindTo(const std::string& source, int descriptor, int family) {
  if (source.empty()) return;
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(source.c_str(), nullptr, &hints, &found) != 0) return;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  [[maybe_unused]] const int ignored = ::bind(descriptor, found->ai_addr, found->ai_addrlen);
}

}  // namespace

Connecting::Connecting(const std::string& host, int port, int64_t timeout_ms, const Outward& outward)
    : host_(host), where_(host + ":" + std::to_string(port)), timeout_ms_(timeout_ms), outward_(outward) {
  if (outward_.uses_tls && outward_.tls == nullptr) {
    failure_ = "TLS is not set up";
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); status != 0) {
    failure_ = ::gai_strerror(status);
    return;
  }
  addresses_.reset(found);
  next_ = found;
}

Result<Channel> Connecting::GoOn(int64_t now) {
  while (!is_shaking_hands_) {
    if (!channel_.is_open() && !BeginWithNextAddress(now)) return Fail(failure_);
    const int error = Outcome(now);
    if (error == EINPROGRESS) return Channel();
    if (error != 0) {
      failure_ = std::strerror(error);
      channel_.Close();
      continue;
    }
    if (!outward_.uses_tls) return std::move(channel_);
    channel_.Begin(outward_.tls->Connect(channel_.descriptor(), host_));
    if (channel_.session() == nullptr) return Fail("no memory for a TLS session");
    is_shaking_hands_ = true;
    ends_at_ms_ = now + timeout_ms_;
  }
  return ShakeHands(now);
}

bool Connecting::BeginWithNextAddress(int64_t now) {
  while (next_ != nullptr) {
    const addrinfo& address = *next_;
    next_ = address.ai_next;
    Channel channel(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (channel.is_open()) BindTo(outward_.source, channel.descriptor(), address.ai_family);
    if (!channel.is_open() ||
        (::connect(channel.descriptor(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)) {
      failure_ = std::strerror(errno);
      continue;
    }
    channel_ = std::move(channel);
    ends_at_ms_ = now + timeout_ms_;
    return true;
  }
  return false;
}

int Connecting::Outcome(int64_t now) const {
  pollfd waiting = awaited();
  if (::poll(&waiting, 1, 0) <= 0) return now < ends_at_ms_ ? EINPROGRESS : ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(channel_.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Result<Channel> Connecting::ShakeHands(int64_t now) {
  const TlsSession::Handshake step = channel_.session()->Shake();
  if (step == TlsSession::Handshake::kDone) return std::move(channel_);
  if (step == TlsSession::Handshake::kFailed) return Fail("TLS: " + channel_.session()->error());
  if (now >= ends_at_ms_) return Fail("no TLS handshake within " + std::to_string(timeout_ms_) + " ms");
  events_ = step == TlsSession::Handshake::kWantsWrite ? POLLOUT : POLLIN;
  return Channel();
}

tl::unexpected<storage::Error> Connecting::Fail(const std::string& why) const {
  return storage::Fail("cannot reach " + where_ + ": " + why);
}

}  // namespace ringkv::server
