// SPDX-License-Identifier: MIT
// Two ends of TLS with a relay in between: the input says who does what next, in which pieces bytes come, and where one
// is spoilt. What arrives is what was sent, in order; a spoilt byte ends the session; nothing else may happen.
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/certificates.h"
#include "transport/channel.h"
#include "transport/tls_context.h"

namespace {

using ringkv::test::Certificate;
using ringkv::transport::Channel;
using ringkv::transport::ClientCertificates;
using ringkv::transport::TlsContext;
using ringkv::transport::TlsSession;
using ringkv::transport::TlsSettings;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const TlsContext> Load(const std::string& protocols) {
  static const ringkv::test::TempDir files;
  static const Certificate authority("authority");
  static const Certificate own("own", &authority);
  TlsSettings settings;
  settings.own = {files.Write("own.crt", own.Text()), files.Write("own.key", own.Key()), ""};
  settings.ca_file = files.Write("ca.crt", authority.Text());
  settings.protocols = protocols;
  return TlsContext::Load(settings).value();
}

// One end, with what it has sent and what has arrived of it at the other.
struct End {
  Channel channel;
  Channel relay;  // the relay's side
  std::string sent;
  size_t arrived = 0;
  bool is_open = false;  // the handshake is done
  bool is_over = false;
};

void Open(End& end, const TlsContext& context, bool accepts) {
  int sockets[2];
  Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) == 0);
  const int small = 4096;
  ::setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  ::setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  end.channel = Channel(sockets[0]);
  end.relay = Channel(sockets[1]);
  end.channel.Begin(accepts ? context.Accept(sockets[0], ClientCertificates::kRequired)
                            : context.Connect(sockets[0], ""));
}

void Shake(End& end) {
  if (end.is_open || end.is_over) return;
  const TlsSession::Handshake step = end.channel.session()->Shake();
  end.is_open = step == TlsSession::Handshake::kDone;
  end.is_over = step == TlsSession::Handshake::kFailed;
}

void Send(End& end, size_t size) {
  if (!end.is_open || end.is_over) return;
  // What was not taken before is offered again: what comes next is a function of its place.
  std::string bytes(size, 0);
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>((end.sent.size() + i) * 31 + ((end.sent.size() + i) >> 8));
  const ssize_t taken = end.channel.Send(bytes.data(), size);
  Require(taken <= static_cast<ssize_t>(size));
  if (taken < 0) {
    end.is_over = errno != EAGAIN;
    return;
  }
  end.sent.append(bytes, 0, static_cast<size_t>(taken));
}

void Receive(End& from, End& to, size_t size) {
  if (!to.is_open || to.is_over) return;
  std::string room(size, 0);
  const ssize_t got = to.channel.Receive(room.data(), size);
  if (got <= 0) {
    to.is_over = got == 0 || errno != EAGAIN;
    return;
  }
  // One byte more than was reported may have left.
  for (ssize_t i = 0; i < got; ++i) {
    const size_t place = from.arrived + static_cast<size_t>(i);
    Require(room[static_cast<size_t>(i)] == static_cast<char>(place * 31 + (place >> 8)));
  }
  from.arrived += static_cast<size_t>(got);
  Require(from.arrived <= from.sent.size() + 1);
}

void Relay(End& from, End& to, size_t size, bool spoils) {
  std::string room(size, 0);
  const ssize_t got = from.relay.Receive(room.data(), size);
  if (got <= 0) return;
  if (spoils) room[static_cast<size_t>(got) / 2] ^= 1;
  [[maybe_unused]] const ssize_t passed = to.relay.Send(room.data(), static_cast<size_t>(got));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto newest = Load("");
  static const auto older = Load("TLSv1.2");
  if (size < 1) return 0;
  End ends[2];
  Open(ends[0], *newest, true);
  Open(ends[1], (data[0] & 1) != 0 ? *older : *newest, false);
  // Most inputs are to come beyond the handshake.
  for (int i = 0; (data[0] & 2) != 0 && i < 20; ++i) {
    for (End* end : {&ends[0], &ends[1]}) Shake(*end);
    Relay(ends[0], ends[1], 8192, false);
    Relay(ends[1], ends[0], 8192, false);
  }
  for (size_t i = 1; i + 1 < size; i += 2) {
    End& one = ends[data[i] & 1];
    End& other = ends[1 - (data[i] & 1)];
    const size_t amount = data[i + 1] < 128 ? data[i + 1] + 1 : (data[i + 1] - 127) * 1024;
    switch (data[i] >> 1 & 7) {
      case 0: Shake(one); break;
      case 1:
      case 2: Send(one, amount); break;
      case 3:
      case 4: Receive(other, one, amount); break;
      case 5: Relay(one, other, amount, (data[i] & 0xf0) == 0xf0); break;
      case 6: Relay(one, other, 2048, false); break;
      case 7:
        if ((data[i] & 0xe0) == 0xe0) one.channel.ShutdownSending();
        break;
    }
  }
  return 0;
}
