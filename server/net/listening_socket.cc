// SPDX-License-Identifier: MIT
#include "server/net/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "server/base/text.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;

int64_t PortOf(const ListeningSocket& socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  // IPv4 and IPv6 keep the port in the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

// 0, or the error.
int Listen(const ListeningSocket& socket, const addrinfo& address, int backlog) {
  if (socket.get() < 0) return errno;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) return errno;
  return ::listen(socket.get(), backlog) == 0 ? 0 : errno;
}

// Only an address that isn't there may be left out; a port in use is a mistake all the same.
bool IsMissing(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

// Nothing if the address may be missing and is not available.
Result<std::optional<ListeningSocket>> OpenOne(const std::string& host, int64_t port, bool is_optional, int backlog) {
  const std::string port_text = std::to_string(port);
  const bool is_any = host == "*" || host == "::*";
  addrinfo hints{};
  hints.ai_family = host == "*" ? AF_INET : host == "::*" ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(is_any ? nullptr : host.c_str(), port_text.c_str(), &hints, &found);
  const std::string where = "cannot listen on " + host + " port " + port_text + ": ";
  if (status != 0) {
    if (is_optional) return std::optional<ListeningSocket>();
    return Fail(where + ::gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    ListeningSocket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    error = Listen(socket, *address, backlog);
    if (error == 0) return std::optional<ListeningSocket>(std::move(socket));
  }
  if (is_optional && IsMissing(error)) return std::optional<ListeningSocket>();
  return Fail(where + std::strerror(error));
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool ListeningSocket::Mark(uint32_t mark) const {
  return ::setsockopt(descriptor_, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

Result<std::vector<ListeningSocket>> OpenTcpSockets(const std::string& hosts, int64_t* port, int backlog) {
  std::vector<ListeningSocket> opened;
  for (const std::string_view word : Words(hosts)) {
    const bool is_optional = word.size() > 1 && word[0] == '-';
    Result<std::optional<ListeningSocket>> socket =
        OpenOne(std::string(word.substr(is_optional ? 1 : 0)), *port, is_optional, backlog);
    if (!socket) return tl::unexpected(socket.error());
    if (!*socket) continue;
    *port = PortOf(**socket);
    opened.push_back(std::move(**socket));
  }
  return opened;
}

Result<ListeningSocket> OpenUnixSocket(const std::string& path, unsigned permissions, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string where = "cannot listen on unix socket '" + path + "': ";
  if (path.size() >= sizeof address.sun_path) {
    return Fail(where + "the path is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  ListeningSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0 || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    return Fail(where + std::strerror(errno));
  }
  if (permissions != 0) ::chmod(path.c_str(), permissions);
  return socket;
}

void SuspendListening(int descriptor) { ::shutdown(descriptor, SHUT_RD); }

void ResumeListening(int descriptor, int backlog) { ::listen(descriptor, backlog); }

}  // namespace ringkv::server
