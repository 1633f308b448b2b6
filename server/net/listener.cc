// SPDX-License-Identifier: MIT
#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "resp/reply_writer.h"
#include "server/base/text.h"
#include "server/config/data_directory.h"
#include "server/http/response.h"
#include "server/net/handshaking.h"
#include "server/net/make_connection.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr int kMostAcceptsARound = 64;
// Clients wait in the backlog meanwhile; retrying without a pause would only keep a core busy.
constexpr auto kPauseOfAccepting = std::chrono::milliseconds(100);
constexpr int64_t kMsBetweenWarnings = 60'000;

struct Peer {
  std::string text;  // ip:port, [ip]:port
  bool is_loopback;
};

Peer DescribeAddress(const sockaddr_storage& address) {
  char ip[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, ip, sizeof ip);
    return {std::string(ip) + ":" + std::to_string(ntohs(v4.sin_port)), (ntohl(v4.sin_addr.s_addr) >> 24) == 127};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, ip, sizeof ip);
  const std::string_view text(ip);
  const bool is_loopback = text == "::1" || text.rfind("::ffff:127.", 0) == 0;
  return {"[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port)), is_loopback};
}

// What a client is told that is not let in. `now`: seconds since 1970.
std::string Refusal(bool is_http, int http_status, const std::string& error, int64_t now) {
  resp::Buffer out;
  if (is_http) {
    http::DateText date;
    AppendResponse(out, http::ErrorResponse(http_status, error), {.keeps_alive = false, .date = date.At(now)});
  } else {
    resp::ReplyWriter(out, 2).Error(error);
  }
  return std::string(out.Readable());
}

void SetKeepAlive(int descriptor, int64_t seconds) {
  if (seconds <= 0) return;
  const int on = 1;
  const int idle = static_cast<int>(seconds);
  const int interval = std::max(static_cast<int>(seconds / 3), 1);
  const int probes = 3;
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace

Listener::~Listener() { Close(); }

Result<bool> Listener::Bind() {
  Options& options = server_.options();
  const std::string path = InDataDirectory(options, options.unixsocket.Get());
  if (Status bound = BindTcp(!path.empty()); !bound) return tl::unexpected(bound.error());
  if (Status bound = BindTls(); !bound) return tl::unexpected(bound.error());
  if (!path.empty()) {
    Result<ListeningSocket> unix_socket = OpenUnixSocket(path, static_cast<unsigned>(options.unixsocketperm.load()),
                                                         static_cast<int>(options.tcp_backlog));
    if (!unix_socket) return tl::unexpected(unix_socket.error());
    unix_path_ = path;
    std::vector<ListeningSocket> one;
    one.push_back(std::move(*unix_socket));
    Adopt(std::move(one), Kind::kUnix);
  }
  if (sockets_.empty())
    return Fail("nothing to listen on: none of the addresses of 'bind' can be used, and there is no 'unixsocket'");
  if (Status bound = BindHttp(); !bound) return tl::unexpected(bound.error());
  return true;
}

Status Listener::BindTcp(bool has_unix_socket) {
  Options& options = server_.options();
  MutexLock lock(change_mutex_);
  plain_.places = {options.bind.Get(), options.port};
  if (options.port == 0 && (has_unix_socket || options.tls_port != 0)) return {};
  Result<std::vector<ListeningSocket>> opened = Open(plain_.places, options.port);
  if (!opened) return tl::unexpected(opened.error());
  plain_.places.port = options.port;
  for (const ListeningSocket& socket : *opened) plain_.descriptors.push_back(socket.get());
  Adopt(std::move(*opened), Kind::kTcp);
  return {};
}

Status Listener::BindTls() {
  Options& options = server_.options();
  MutexLock lock(change_mutex_);
  tls_.places = {options.bind.Get(), options.tls_port};
  if (options.tls_port == 0) return {};
  Result<std::vector<ListeningSocket>> opened = Open(tls_.places, options.tls_port);
  if (!opened) return tl::unexpected(opened.error());
  for (const ListeningSocket& socket : *opened) tls_.descriptors.push_back(socket.get());
  Adopt(std::move(*opened), Kind::kTls);
  return {};
}

Status Listener::BindHttp() {
  Options& options = server_.options();
  if (options.http_port == 0) return {};
  const std::string hosts = options.http_bind.Get();
  Result<std::vector<ListeningSocket>> opened =
      Open({hosts.empty() ? options.bind.Get() : hosts, options.http_port}, options.http_port);
  if (!opened) return tl::unexpected(opened.error());
  if (opened->empty()) return Fail("cannot listen for HTTP: none of the addresses of 'http-bind' can be used");
  Adopt(std::move(*opened), Kind::kHttp);
  return {};
}

// The port that the system has chosen is written into `port`.
Result<std::vector<ListeningSocket>> Listener::Open(const Places& places, SharedNumber& port) {
  const Options& options = server_.options();
  int64_t bound_port = places.port;
  Result<std::vector<ListeningSocket>> opened =
      OpenTcpSockets(places.hosts, &bound_port, static_cast<int>(options.tcp_backlog));
  if (!opened) return opened;
  port = bound_port;
  const auto mark = static_cast<uint32_t>(options.socket_mark_id.load());
  for (const ListeningSocket& socket : *opened) {
    if (mark != 0 && !socket.Mark(mark)) {
      server_.log().Warning("cannot set socket-mark-id: " + std::string(std::strerror(errno)));
    }
  }
  return opened;
}

bool Listener::ListenOn(const std::optional<std::string>& hosts, std::optional<int64_t> port) {
  MutexLock lock(change_mutex_);
  const Places before = plain_.places;
  if (!Move(plain_, {hosts.value_or(before.hosts), port.value_or(before.port)})) return false;
  if (Move(tls_, {plain_.places.hosts, tls_.places.port})) return true;
  Move(plain_, before);
  return false;
}

bool Listener::ListenOnTls(int64_t port) {
  MutexLock lock(change_mutex_);
  return Move(tls_, {tls_.places.hosts, port});
}

bool Listener::Move(Port& port, const Places& places) {
  if (places == port.places) return true;
  // Two sockets can't listen on one address: the old ones make room.
  const bool may_overlap = places.port == port.places.port;
  const auto backlog = static_cast<int>(server_.options().tcp_backlog);
  for (const int old : port.descriptors) {
    if (may_overlap) SuspendListening(old);
  }
  SharedNumber bound_port;
  Result<std::vector<ListeningSocket>> opened;
  if (places.port != 0) opened = Open(places, bound_port);
  if (!opened || (opened->empty() && places.port != 0 && !places.hosts.empty())) {
    server_.log().Warning("CONFIG SET: " +
                          (opened ? "none of the addresses of 'bind' can be used" : opened.error().text));
    for (const int old : port.descriptors) {
      if (may_overlap) ResumeListening(old, backlog);
    }
    return false;
  }
  // They are closed by their thread, and until then nobody is let in where another change may lead back to.
  for (const int old : port.descriptors) SuspendListening(old);
  port.descriptors.clear();
  for (const ListeningSocket& socket : *opened) port.descriptors.push_back(socket.get());
  port.places = places;
  const auto shared = std::make_shared<std::vector<ListeningSocket>>(std::move(*opened));
  threads_[0]->Post([this, shared, kind = port.kind] { Replace(std::move(*shared), kind); });
  return true;
}

void Listener::Replace(std::vector<ListeningSocket> opened, Kind kind) {
  std::erase_if(sockets_, [kind](const auto& socket) { return socket->kind == kind; });
  const size_t first = sockets_.size();
  Adopt(std::move(opened), kind);
  for (size_t i = first; i < sockets_.size(); ++i) Accept(sockets_[i]);
}

void Listener::Adopt(std::vector<ListeningSocket> opened, Kind kind) {
  for (ListeningSocket& each : opened) {
    auto socket = std::make_shared<Socket>();
    socket->descriptor = std::make_unique<asio::posix::stream_descriptor>(threads_[0]->context(), each.Release());
    socket->pause = std::make_unique<asio::steady_timer>(threads_[0]->context());
    socket->kind = kind;
    sockets_.push_back(std::move(socket));
  }
}

void Listener::Start() {
  for (const auto& socket : sockets_) Accept(socket);
}

void Listener::Close() {
  sockets_.clear();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  unix_path_.clear();
}

// The socket may be gone when a handler runs that was queued before.
void Listener::Accept(const std::shared_ptr<Socket>& socket) {
  const std::weak_ptr<Socket> known = socket;
  socket->descriptor->async_wait(asio::posix::stream_descriptor::wait_read, [this, known](std::error_code error) {
    const std::shared_ptr<Socket> ready = known.lock();
    if (error || ready == nullptr) return;
    if (AcceptReady(*ready)) return Accept(ready);
    ready->pause->expires_after(kPauseOfAccepting);
    ready->pause->async_wait([this, known](std::error_code ended) {
      const std::shared_ptr<Socket> rested = known.lock();
      if (!ended && rested != nullptr) Accept(rested);
    });
  });
}

bool Listener::AcceptReady(Socket& socket) {
  for (int i = 0; i < kMostAcceptsARound; ++i) {
    const int descriptor =
        ::accept4(socket.descriptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      if (errno == EINVAL) return false;  // another socket is about to take its place
      WarnOf(errno);
      return false;
    }
    Welcome(descriptor, socket.kind);
  }
  return true;
}

void Listener::WarnOf(int accept_error) {
  const int64_t now_ms = server_.clock().SteadyMs();
  if (now_ms < next_warning_ms_) return;
  next_warning_ms_ = now_ms + kMsBetweenWarnings;
  server_.log().Warning(std::string("cannot accept connections now: ") + std::strerror(accept_error) +
                        (accept_error == EMFILE ? " (the limit of open files is too low for maxclients)" : "") +
                        "; they wait until others are closed");
}

void Listener::Welcome(int descriptor, Kind kind) {
  transport::Channel channel(descriptor);
  Options& options = server_.options();
  ThreadStatistics& statistics = threads_[0]->state().statistics;
  auto card = std::make_shared<ClientCard>();
  card->is_unix = kind == Kind::kUnix;
  card->is_http = kind == Kind::kHttp;
  card->is_tls = kind == Kind::kTls || (card->is_http && options.http_tls != 0);
  card->is_local = card->is_unix;
  card->descriptor = descriptor;
  if (card->is_unix) {
    card->address = options.unixsocket.Get() + ":0";
    card->local_address = card->address;
  } else {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return;  // gone already
    }
    Peer peer = DescribeAddress(address);
    card->address = std::move(peer.text);
    card->is_local = peer.is_loopback;
    size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    card->local_address = DescribeAddress(address).text;
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SetKeepAlive(descriptor, options.tcp_keepalive);
  }
  if (server_.clients().size() >= static_cast<size_t>(options.maxclients.load())) {
    statistics.connections_rejected.Add(1);
    const std::string text =
        Refusal(card->is_http, 503, "ERR max number of clients reached", server_.clock().Now() / 1000);
    if (!card->is_tls) channel.Send(text.data(), text.size());  // a handshake would cost more than it may
    return;
  }
  std::string refusal;
  const bool lets_anyone_in = server_.users().default_user()->permissions()->needs_no_password;
  if (options.protected_mode != 0 && !card->is_local && lets_anyone_in) {
    statistics.connections_rejected.Add(1);
    refusal = Refusal(
        card->is_http, 403,
        "DENIED RingKV runs in protected mode: no password is set, so only clients of the same machine are let in. Set "
        "a password (CONFIG SET requirepass, or requirepass in the configuration file), or, if the network is trusted, "
        "turn the mode off (protected-mode no).",
        server_.clock().Now() / 1000);
    if (!card->is_tls) {
      channel.Send(refusal.data(), refusal.size());
      return;
    }
  }
  statistics.connections_accepted.Add(1);
  card->connected_ms = server_.clock().SteadyMs();
  card->last_used_ms = card->connected_ms;
  ReadBurdens(server_, &burdens_);
  IoThread& thread = *threads_[ThreadForNewClient(burdens_, SpreadingOf(server_))];
  card->thread = thread.index();
  ShowUser(*card, *server_.users().default_user());  // who closes that user's clients finds it on its way, too
  thread.Expect();
  server_.clients().Add(card);
  const auto shared = std::make_shared<transport::Channel>(std::move(channel));
  const auto adopt = [&thread, shared, card, refusal] {
    thread.Adopt(card->is_tls ? std::make_unique<Handshaking>(thread, std::move(*shared), card, refusal)
                              : MakeConnection(thread, std::move(*shared), card),
                 *card);
  };
  &thread == threads_[0].get() ? adopt() : thread.Post(adopt);
}

}  // namespace ringkv::server
