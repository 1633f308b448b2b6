// SPDX-License-Identifier: MIT
// A connected stream, plain or with TLS: what clients, replicas, nodes and tools send and receive through. It moves as
// a whole when a connection changes its owner.
//
// Threads: confined.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <utility>

#include "transport/tls_session.h"

namespace ringkv::transport {

class Channel {
 public:
  Channel() = default;
  // Takes ownership of a connected, non-blocking descriptor.
  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  Channel(Channel&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), session_(std::move(other.session_)) {}
  Channel& operator=(Channel&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(session_, other.session_);
    return *this;
  }
  ~Channel() { Close(); }

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  // From now on all goes through this session, which is over this descriptor.
  void Begin(std::unique_ptr<TlsSession> session) { session_ = std::move(session); }
  TlsSession* session() { return session_.get(); }

  // Like recv and send: errno has the reason for -1. See TlsSession for what holds with TLS.
  ssize_t Receive(char* room, size_t size) {
    if (session_ == nullptr) [[likely]]
      return ::recv(descriptor_, room, size, 0);
    return session_->Receive(room, size);
  }
  ssize_t Send(const char* bytes, size_t size) {
    if (session_ == nullptr) [[likely]]
      return ::send(descriptor_, bytes, size, MSG_NOSIGNAL);
    return session_->Send(bytes, size);
  }
  // Closes the sending half.
  void ShutdownSending() {
    if (session_ != nullptr) session_->SayEnd();
    ::shutdown(descriptor_, SHUT_WR);
  }
  void Close();

 private:
  int descriptor_ = -1;
  std::unique_ptr<TlsSession> session_;  // null: plain
};

}  // namespace ringkv::transport
