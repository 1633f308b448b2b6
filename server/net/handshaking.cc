// SPDX-License-Identifier: MIT
#include "server/net/handshaking.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "server/net/make_connection.h"

namespace ringkv::server {

using transport::TlsSession;

namespace {

constexpr size_t kHandshakeBytes = 50'000;  // what OpenSSL has allocated when it awaits the second flight

}  // namespace

Handshaking::Handshaking(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card,
                         std::string refusal)
    : thread_(thread),
      socket_(thread.context(), std::move(channel), *this),
      card_(std::move(card)),
      refusal_(std::move(refusal)),
      memory_(thread.server().store().strangers()) {}

void Handshaking::OnReadable() {
  if (socket_.session() != nullptr) return ShakeLater();
  char byte;
  const ssize_t waiting = ::recv(card_->descriptor, &byte, 1, MSG_PEEK);
  if (waiting > 0) return ShakeLater();
  const bool is_silent = waiting < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  is_silent ? socket_.WaitReadable() : Close();
}

void Handshaking::OnWritable() { ShakeLater(); }

void Handshaking::ShakeLater() {
  if (std::exchange(is_queued_, true)) return;
  thread_.ShakeLater(id());
}

bool Handshaking::BeginSession() {
  const Options& options = thread_.server().options();
  const auto context = options.tls.Get();
  if (context == nullptr) return false;
  const auto certificates = static_cast<transport::ClientCertificates>(options.tls_auth_clients.load());
  socket_.Begin(context->Accept(card_->descriptor, certificates));
  memory_.Set(kHandshakeBytes);
  return socket_.session() != nullptr;
}

void Handshaking::Resume() {
  is_queued_ = false;
  if (is_closed_) return;
  if (socket_.session() == nullptr && !BeginSession()) return Close();
  switch (socket_.session()->Shake()) {
    case TlsSession::Handshake::kWantsRead: return socket_.WaitReadable();
    case TlsSession::Handshake::kWantsWrite: return socket_.WaitWritable();
    case TlsSession::Handshake::kDone: return BecomeClient();
    case TlsSession::Handshake::kFailed: return Fail();
  }
}

void Handshaking::BecomeClient() {
  thread_.state().statistics.tls_handshakes.Add(1);
  if (!refusal_.empty()) {
    socket_.Send(refusal_.data(), refusal_.size());
    return Close();
  }
  is_closed_ = true;
  transport::Channel channel = socket_.Release();
  thread_.Expect();
  thread_.Release(this);
  thread_.Adopt(MakeConnection(thread_, std::move(channel), card_), *card_);
}

void Handshaking::Fail() {
  thread_.state().statistics.tls_handshakes_failed.Add(1);
  thread_.NoteFailedHandshake("Error accepting a client connection: " + socket_.session()->error() +
                              " (addr=" + card_->address + " laddr=" + card_->local_address + ")");
  Close();
}

bool Handshaking::Tick(int64_t now_ms) {
  if (now_ms - card_->connected_ms < thread_.server().options().tls_handshake_timeout * 1000) return true;
  thread_.state().statistics.tls_handshakes_failed.Add(1);
  return false;
}

void Handshaking::Close() {
  if (std::exchange(is_closed_, true)) return;
  socket_.Close();
  thread_.server().clients().Remove(id());
  thread_.Release(this);
}

}  // namespace ringkv::server
