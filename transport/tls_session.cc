// SPDX-License-Identifier: MIT
#include "transport/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "transport/tls_error.h"

namespace ringkv::transport {
namespace {

// What one record holds.
constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
// Kept at most. More comes only to a peer that makes this side answer and reads none of it.
constexpr size_t kMostKept = 256 * 1024;

// What the session under way has encrypted; empty between two calls.
std::string& Sealed() {
  thread_local std::string sealed;
  return sealed;
}

// Before each operation, whose outcome SSL_get_error takes from these. To clear an empty queue would cost more than all
// else around a short record.
void ForgetErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

struct TlsSession::Hooks {
  static TlsSession& Of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* room, int size) {
    BIO_clear_retry_flags(bio);
    bool may_retry = false;
    const int got = Of(bio).ReadIn(room, size, &may_retry);
    if (may_retry) BIO_set_retry_read(bio);
    return got;
  }
  static int Write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    return Of(bio).WriteOut(bytes, static_cast<size_t>(size)) ? size : -1;
  }
  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  // Never freed: sessions may end with the program.
  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

TlsSession::TlsSession(SSL* ssl, int descriptor) : ssl_(ssl), descriptor_(descriptor) {
  BIO* const bio = BIO_new(Hooks::Method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

int TlsSession::ReadIn(char* room, int size, bool* may_retry) {
  ssize_t got = -1;
  errno = EAGAIN;
  if (!is_drained_) {
    do {
      got = ::recv(descriptor_, room, static_cast<size_t>(size), 0);
    } while (got < 0 && errno == EINTR);
  }
  is_drained_ = got < size;
  *may_retry = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  return static_cast<int>(got);
}

bool TlsSession::WriteOut(const char* bytes, size_t size) {
  if (more_follows_ && kept_.empty() && Sealed().empty()) {
    const ssize_t sent = ::send(descriptor_, bytes, size, MSG_NOSIGNAL | MSG_MORE);
    const size_t done = sent < 0 ? 0 : static_cast<size_t>(sent);  // an error comes again
    if (done < size) kept_.assign(bytes + done, size - done);
    return true;
  }
  std::string& to = kept_.empty() ? Sealed() : kept_;  // in their order
  if (to.size() + size > kMostKept) return false;
  to.append(bytes, size);
  return true;
}

bool TlsSession::Flush() {
  std::string& from = kept_.empty() ? Sealed() : kept_;
  size_t done = 0;
  while (done < from.size()) {
    const ssize_t sent = ::send(descriptor_, from.data() + done, from.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;
    done += static_cast<size_t>(sent);
  }
  const int error = errno;
  const bool is_all = done == from.size();
  if (&from == &kept_) {
    kept_.erase(0, done);
  } else {
    if (!is_all) kept_.assign(from, done);
    from.clear();
  }
  if (is_all) std::string().swap(kept_);
  errno = error;
  return is_all;
}

TlsSession::Handshake TlsSession::Shake() {
  is_drained_ = false;
  ForgetErrors();
  errno = 0;
  const int done = SSL_do_handshake(ssl_);
  const int reason = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, done);
  if (reason != SSL_ERROR_NONE && reason != SSL_ERROR_WANT_READ) {
    const bool has_ended = ERR_peek_last_error() == 0;
    error_ = !has_ended ? TakeTlsError() : errno != 0 ? std::strerror(errno) : "Connection closed";
  }
  // An alert leaves too.
  const bool is_sent = Flush() || errno == EAGAIN || errno == EWOULDBLOCK;
  if (!error_.empty()) return Handshake::kFailed;
  if (!is_sent) {
    error_ = std::strerror(errno);
    return Handshake::kFailed;
  }
  if (!kept_.empty()) return Handshake::kWantsWrite;
  return done == 1 ? Handshake::kDone : Handshake::kWantsRead;
}

ssize_t TlsSession::Receive(char* room, size_t size) {
  is_drained_ = false;
  size_t got = 0;
  int reason = SSL_ERROR_NONE;
  ForgetErrors();
  // Once the system has no more and no record has begun in here, another read could only say so.
  while (got < size && (got == 0 || !is_drained_ || SSL_has_pending(ssl_) == 1)) {
    const int more = SSL_read(ssl_, room + got, static_cast<int>(std::min<size_t>(size - got, INT_MAX)));
    if (more <= 0) {
      reason = SSL_get_error(ssl_, more);
      break;
    }
    got += static_cast<size_t>(more);
  }
  if (!kept_.empty() || !Sealed().empty()) Flush();  // an answer of TLS itself
  if (got > 0) return static_cast<ssize_t>(got);
  if (reason == SSL_ERROR_ZERO_RETURN) return 0;
  has_failed_ = has_failed_ || reason != SSL_ERROR_WANT_READ;
  errno = reason == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
  return -1;
}

ssize_t TlsSession::Send(const char* bytes, size_t size) {
  if (!kept_.empty() && !Flush()) return -1;
  size_t sent = 0;
  if (holds_back_ && size > 0) sent = 1;
  holds_back_ = false;
  ForgetErrors();
  while (sent < size) {
    const size_t part = std::min(size - sent, kRecord);
    more_follows_ = sent + part < size;
    const int written = SSL_write(ssl_, bytes + sent, static_cast<int>(part));
    more_follows_ = false;
    if (written != static_cast<int>(part)) {
      has_failed_ = true;
      Flush();
      errno = ECONNRESET;
      return -1;
    }
    sent += part;
    if (Flush()) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    // A single byte is reported all the same: a caller that was told of none might offer another one.
    if (sent == 1) return 1;
    holds_back_ = true;
    return static_cast<ssize_t>(sent - 1);
  }
  return static_cast<ssize_t>(sent);
}

void TlsSession::SayEnd() {
  if (has_failed_ || !error_.empty() || !kept_.empty() || SSL_is_init_finished(ssl_) != 1) return;
  ForgetErrors();
  SSL_shutdown(ssl_);
  Flush();
}

}  // namespace ringkv::transport
