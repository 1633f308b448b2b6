// SPDX-License-Identifier: MIT
#include "cluster_admin/node_client.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "resp/reply_parser.h"
#include "resp/reply_scanner.h"
#include "resp/request_writer.h"

namespace ringkv::cluster_admin {

using storage::Fail;
using storage::Result;

namespace {

constexpr timeval kLongestWait{5, 0};
constexpr size_t kLongestReply = size_t{1} << 30;

}  // namespace

Result<std::unique_ptr<NodeClient>> NodeClient::Connect(const std::string& host, int port) {
  Result<std::unique_ptr<NodeClient>> client = ConnectAsStranger(host, port);
  const char* password = std::getenv("REDISCLI_AUTH");  // as redis-cli takes it
  if (!client || password == nullptr || *password == '\0') return client;
  if (const Result<resp::Reply> known = (*client)->Ask({"AUTH", password}); !known)
    return tl::unexpected(known.error());
  return client;
}

Result<std::unique_ptr<NodeClient>> NodeClient::ConnectAsStranger(const std::string& host, int port) {
  const std::string where = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); status != 0) {
    return Fail("cannot reach " + where + ": " + ::gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int descriptor = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
      error = errno;
      continue;
    }
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &kLongestWait, sizeof kLongestWait);
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kLongestWait, sizeof kLongestWait);
    if (::connect(descriptor, address->ai_addr, address->ai_addrlen) == 0) {
      return std::unique_ptr<NodeClient>(new NodeClient(descriptor, where));
    }
    error = errno;
    ::close(descriptor);
  }
  return Fail("cannot reach " + where + ": " + std::strerror(error));
}

NodeClient::~NodeClient() { ::close(descriptor_); }

Result<resp::Reply> NodeClient::Ask(const std::vector<std::string>& command) {
  Result<resp::Reply> reply = Exchange(command);
  if (reply && reply->is_error()) return Fail(where_ + " answers: " + reply->text);
  return reply;
}

Result<resp::Reply> NodeClient::Exchange(const std::vector<std::string>& command) {
  const std::string request = resp::EncodeRequest(command);
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t count = ::send(descriptor_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(where_ + " cannot be queried: " + std::strerror(errno));
    sent += static_cast<size_t>(count);
  }
  resp::ReplyScanner scanner;  // so that each byte is looked at once, however many pieces come
  for (;;) {
    size_t size = 0;
    const resp::ReplyScanner::Status found = scanner.Scan(received_, kLongestReply, &size);
    if (found == resp::ReplyScanner::Status::kError) return Fail(where_ + " sent an invalid reply");
    if (found == resp::ReplyScanner::Status::kReply) return TakeReply(size);
    char room[64 * 1024];
    const ssize_t got = ::recv(descriptor_, room, sizeof room, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return Fail(where_ + " has closed the connection");
    if (got < 0) return Fail(where_ + " does not answer: " + std::strerror(errno));
    received_.append(room, static_cast<size_t>(got));
  }
}

Result<resp::Reply> NodeClient::TakeReply(size_t size) {
  resp::Reply reply;
  const resp::ReplyStatus status = resp::ParseReply(std::string_view(received_).substr(0, size), {}, &reply, &size);
  if (status != resp::ReplyStatus::kReply) return Fail(where_ + " sent an invalid reply");
  received_.erase(0, size);
  return reply;
}

Result<std::string> NodeClient::Info(const std::string& field) {
  const Result<resp::Reply> page = Ask({"INFO"});
  if (!page) return tl::unexpected(page.error());
  const size_t at = page->text.find("\n" + field + ":");
  if (at == std::string::npos) return std::string();
  const size_t start = at + field.size() + 2;
  return page->text.substr(start, page->text.find('\r', start) - start);
}

}  // namespace ringkv::cluster_admin
