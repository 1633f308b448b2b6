// SPDX-License-Identifier: MIT
#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "resp/reply_writer.h"
#include "server/base/text.h"
#include "server/config/data_directory.h"
#include "server/http/response.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;

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

// Answers a client that is not let in; whether it gets there is not our concern.
// `now`: seconds since 1970.
void Refuse(int descriptor, bool is_http, int http_status, const std::string& error, int64_t now) {
  resp::Buffer out;
  if (is_http) {
    http::DateText date;
    AppendResponse(out, http::ErrorResponse(http_status, error), {.keeps_alive = false, .date = date.At(now)});
  } else {
    resp::ReplyWriter(out, 2).Error(error);
  }
  const std::string_view bytes = out.Readable();
  [[maybe_unused]] const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(descriptor);
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
  Result<bool> any = BindAll(options.bind.Get(), options.port, Kind::kTcp);
  if (!any) return any;
  const std::string path = InDataDirectory(options, options.unixsocket.Get());
  if (!path.empty()) {
    if (const Result<bool> bound = BindUnix(path); !bound) return bound;
    any = true;
  }
  if (!*any)
    return Fail("nothing to listen on: none of the addresses of 'bind' can be used, and there is no 'unixsocket'");
  if (options.http_port == 0) return true;
  const std::string http_hosts = options.http_bind.Get();
  const Result<bool> bound =
      BindAll(http_hosts.empty() ? options.bind.Get() : http_hosts, options.http_port, Kind::kHttp);
  if (bound && !*bound) return Fail("cannot listen for HTTP: none of the addresses of 'http-bind' can be used");
  return bound;
}

Result<bool> Listener::BindAll(const std::string& hosts, SharedNumber& port, Kind kind) {
  bool any = false;
  for (const std::string_view host : Words(hosts)) {
    const bool is_optional = host.size() > 1 && host[0] == '-';
    const Result<bool> bound = BindTcp(std::string(host.substr(is_optional ? 1 : 0)), port, kind, is_optional);
    if (!bound) return bound;
    any = any || *bound;
  }
  return any;
}

Result<bool> Listener::BindTcp(const std::string& host, SharedNumber& port, Kind kind, bool is_optional) {
  const std::string port_text = std::to_string(port);
  addrinfo hints{};
  hints.ai_family = host == "*" ? AF_INET : host == "::*" ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const bool is_any = host == "*" || host == "::*";
  const int status = ::getaddrinfo(is_any ? nullptr : host.c_str(), port_text.c_str(), &hints, &found);
  const std::string where = host + " port " + port_text;
  if (status != 0) {
    if (is_optional) return false;
    return Fail("cannot listen on " + where + ": " + ::gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  std::string why;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int descriptor = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
      why = std::strerror(errno);
      continue;
    }
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 &&
        ::listen(descriptor, static_cast<int>(server_.options().tcp_backlog)) == 0) {
      sockaddr_storage bound{};
      socklen_t size = sizeof bound;
      ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size);
      // IPv4 and IPv6 keep the port in the same place.
      port = ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
      Adopt(descriptor, kind);
      return true;
    }
    const int error = errno;
    why = std::strerror(error);
    ::close(descriptor);
    // Only an address that isn't there may be left out; a port in use is a mistake all the same.
    if (is_optional && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)) return false;
  }
  if (is_optional && why == std::strerror(EAFNOSUPPORT)) return false;
  return Fail("cannot listen on " + where + ": " + why);
}

Result<bool> Listener::BindUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Fail("cannot listen on unix socket '" + path + "': the path is longer than " +
                std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(descriptor, static_cast<int>(server_.options().tcp_backlog)) != 0) {
    const std::string why = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return Fail("cannot listen on unix socket '" + path + "': " + why);
  }
  unix_path_ = path;
  const auto permissions = static_cast<mode_t>(server_.options().unixsocketperm.load());
  if (permissions != 0) ::chmod(path.c_str(), permissions);
  Adopt(descriptor, Kind::kUnix);
  return true;
}

void Listener::Adopt(int descriptor, Kind kind) {
  auto socket = std::make_unique<Socket>();
  socket->descriptor = std::make_unique<asio::posix::stream_descriptor>(threads_[0]->context(), descriptor);
  socket->pause = std::make_unique<asio::steady_timer>(threads_[0]->context());
  socket->kind = kind;
  sockets_.push_back(std::move(socket));
}

void Listener::Start() {
  for (auto& socket : sockets_) Accept(*socket);
}

void Listener::Close() {
  sockets_.clear();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  unix_path_.clear();
}

void Listener::Accept(Socket& socket) {
  socket.descriptor->async_wait(asio::posix::stream_descriptor::wait_read, [this, &socket](std::error_code error) {
    if (error) return;
    if (AcceptReady(socket)) return Accept(socket);
    socket.pause->expires_after(kPauseOfAccepting);
    socket.pause->async_wait([this, &socket](std::error_code ended) {
      if (!ended) Accept(socket);
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
  Options& options = server_.options();
  ThreadStatistics& statistics = threads_[0]->state().statistics;
  auto card = std::make_shared<ClientCard>();
  card->is_unix = kind == Kind::kUnix;
  card->is_http = kind == Kind::kHttp;
  card->is_local = card->is_unix;
  card->descriptor = descriptor;
  if (card->is_unix) {
    card->address = options.unixsocket.Get() + ":0";
    card->local_address = card->address;
  } else {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      ::close(descriptor);  // gone already
      return;
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
    return Refuse(descriptor, card->is_http, 503, "ERR max number of clients reached", server_.clock().Now() / 1000);
  }
  if (options.protected_mode != 0 && !card->is_local && options.requirepass.Get().empty()) {
    statistics.connections_rejected.Add(1);
    return Refuse(descriptor, card->is_http, 403,
                  "DENIED RingKV runs in protected mode: no password is set, so only clients of the same machine are "
                  "let in. Set a password (CONFIG SET requirepass, or requirepass in the configuration file), or, if "
                  "the network is trusted, turn the mode off (protected-mode no).",
                  server_.clock().Now() / 1000);
  }
  statistics.connections_accepted.Add(1);
  card->connected_ms = server_.clock().SteadyMs();
  card->last_used_ms = card->connected_ms;
  IoThread* least_loaded = threads_[0].get();
  for (const auto& thread : threads_) {
    if (thread->connections() < least_loaded->connections()) least_loaded = thread.get();
  }
  card->thread = least_loaded->index();
  least_loaded->Expect();
  server_.clients().Add(card);
  if (least_loaded == threads_[0].get()) return least_loaded->Adopt(descriptor, std::move(card));
  least_loaded->Post([least_loaded, descriptor, card = std::move(card)] { least_loaded->Adopt(descriptor, card); });
}

}  // namespace ringkv::server
