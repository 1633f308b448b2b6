// SPDX-License-Identifier: MIT
// TLS over a non-blocking descriptor, with the interface of recv and send.
//
// What those promise holds here too, so that callers need not know which of the two they use:
// - Less received than asked for: nothing is left, neither of the system nor in here, until the next event.
// - All was sent: all has left. Whole records go to the system at once, which puts them together with those that
//   follow; the last one is encrypted into a buffer of the thread, with answers of TLS itself. Only what the system
//   does not take is kept here. While something is, the last byte is not reported as sent, so the caller waits until
//   the descriptor takes more and offers that byte again, as with any short write.
// OpenSSL never waits for a write then: neither the handshake nor a peer that renews keys stops a read. What is kept is
// bounded.
//
// Threads: confined.
#pragma once

#include <openssl/types.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringkv::transport {

class TlsSession {
 public:
  // Takes ownership of `ssl`, not of the descriptor.
  TlsSession(SSL* ssl, int descriptor);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Handshake : uint8_t { kDone, kWantsRead, kWantsWrite, kFailed };
  // Goes on with the handshake as far as the descriptor lets it. Call again after the event.
  Handshake Shake();
  // Why it failed, as redis-server says it.
  const std::string& error() const { return error_; }

  ssize_t Receive(char* room, size_t size);
  ssize_t Send(const char* bytes, size_t size);
  // Tells the peer that nothing follows, if that can leave at once.
  void SayEnd();

 private:
  struct Hooks;  // of OpenSSL

  // Sends what is kept and what was encrypted since. False if some of it is left, with errno as of send.
  bool Flush();
  // OpenSSL wants to read.
  int ReadIn(char* room, int size, bool* may_retry);
  // OpenSSL has encrypted this. False if that is more than may be kept.
  bool WriteOut(const char* bytes, size_t size);

  SSL* const ssl_;
  const int descriptor_;
  std::string kept_;           // encrypted, and not taken by the system
  bool more_follows_ = false;  // within Send, after this record
  bool is_drained_ = false;    // the system has no more until the next event
  bool holds_back_ = false;    // the last byte was sent but for what is kept
  bool has_failed_ = false;
  std::string error_;
};

}  // namespace ringkv::transport
