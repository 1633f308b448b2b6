// SPDX-License-Identifier: MIT
#include "cluster_admin/node_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>
#include <utility>

#include "resp/reply_parser.h"
#include "resp/reply_scanner.h"
#include "resp/request_writer.h"
#include "transport/shake_hands.h"
#include "transport/slow_sender.h"

namespace ringkv::cluster_admin {

using storage::Fail;
using storage::Result;

namespace {

constexpr int kLongestWaitMs = 5000;
constexpr const char* kHangs = " within 5 s: the process hangs or is stopped. Let it go on, or end and start it again";
constexpr auto kLongestBusy = std::chrono::seconds(60);
constexpr auto kBusyNap = std::chrono::milliseconds(100);
constexpr size_t kLongestReply = size_t{1} << 30;

struct Tls {
  std::shared_ptr<const transport::TlsContext> context;  // null: plain
  std::string host_name;
};

Credentials& CredentialsOfAll() {
  static Credentials credentials;
  return credentials;
}

Tls& TlsOfAll() {
  static Tls tls;
  return tls;
}

// 0, or the error.
int ConnectWithin(int descriptor, const addrinfo& address) {
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{descriptor, POLLOUT, 0};
  if (::poll(&waiting, 1, kLongestWaitMs) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// A connection, which is not open if it could not be made.
struct Reached {
  transport::Channel channel;
  std::string error;
  bool is_refused = false;
};

Reached Reach(const std::string& host, int port) {
  const std::string text = "cannot reach " + host + ":" + std::to_string(port) + ": ";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); status != 0) {
    return {{}, text + ::gai_strerror(status)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int descriptor = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
      error = errno;
      continue;
    }
    transport::Channel channel(descriptor);
    error = ConnectWithin(descriptor, *address);
    if (error == 0) return {std::move(channel), ""};
  }
  return {{}, text + std::strerror(error), error == ECONNREFUSED};
}

}  // namespace

Result<std::unique_ptr<NodeClient>> NodeClient::Connect(const std::string& host, int port) {
  Result<std::unique_ptr<NodeClient>> client = ConnectAsStranger(host, port);
  const Credentials& own = CredentialsOfAll();
  if (!client || own.password.empty()) return client;
  std::vector<std::string> auth{"AUTH"};
  if (!own.user.empty()) auth.push_back(own.user);
  auth.push_back(own.password);
  if (const Result<resp::Reply> known = (*client)->Ask(auth); !known) return tl::unexpected(known.error());
  return client;
}

Result<std::unique_ptr<NodeClient>> NodeClient::ConnectAsStranger(const std::string& host, int port) {
  Reached reached = Reach(host, port);
  if (!reached.channel.is_open()) return Fail(reached.error);
  const std::string where = host + ":" + std::to_string(port);
  if (const Tls& tls = TlsOfAll(); tls.context != nullptr) {
    const storage::Status shaken =
        transport::ShakeHands(reached.channel, *tls.context, tls.host_name.empty() ? host : tls.host_name,
                              kLongestWaitMs, [] { return false; });
    if (!shaken) return Fail("cannot reach " + where + ": " + shaken.error().text);
  }
  return std::unique_ptr<NodeClient>(new NodeClient(std::move(reached.channel), where));
}

bool NodeClient::IsRefused(const std::string& host, int port) { return Reach(host, port).is_refused; }

bool NodeClient::uses_tls() { return TlsOfAll().context != nullptr; }

void NodeClient::UseCredentials(Credentials credentials) { CredentialsOfAll() = std::move(credentials); }

const Credentials& NodeClient::credentials() { return CredentialsOfAll(); }

void NodeClient::UseTls(std::shared_ptr<const transport::TlsContext> context, std::string host_name) {
  TlsOfAll() = {std::move(context), std::move(host_name)};
}

bool NodeClient::WaitFor(short events, Time until) const {
  pollfd waiting{channel_.descriptor(), events, 0};
  int ready = -1;
  do {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Result<resp::Reply> NodeClient::Ask(const std::vector<std::string>& command) {
  const auto give_up = std::chrono::steady_clock::now() + kLongestBusy;
  for (bool is_told = false;; std::this_thread::sleep_for(kBusyNap)) {
    Result<resp::Reply> reply = Exchange(command);
    if (!reply || !reply->is_error()) return reply;
    // It, or a node that it asks.
    const bool is_busy = reply->text.starts_with("BUSY ") || reply->text.starts_with("LOADING ");
    const std::string answer = where_ + " answers: " + reply->text;
    if (!is_busy || std::chrono::steady_clock::now() >= give_up) return Fail(answer);
    if (!std::exchange(is_told, true)) std::cerr << "waiting: " << answer << std::endl;
  }
}

Result<resp::Reply> NodeClient::Exchange(const std::vector<std::string>& command) {
  const std::string request = resp::EncodeRequest(command);
  Time until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLongestWaitMs);
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t count = channel_.Send(request.data() + sent, request.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      if (WaitFor(POLLOUT, until)) continue;
      return Fail(where_ + " has not read " + command.front() + kHangs);
    }
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
    const ssize_t got = channel_.Receive(room, sizeof room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      if (WaitFor(POLLIN, until)) continue;
      return Fail(where_ + " has not answered " + command.front() + kHangs);
    }
    if (got == 0) {
      const bool may_want_tls = !uses_tls() && !has_received_;
      return Fail(where_ + " has closed the connection" + (may_want_tls ? "; if it speaks TLS only, give --tls" : ""));
    }
    if (got < 0) return Fail(where_ + " does not answer: " + std::strerror(errno));
    received_.append(room, static_cast<size_t>(got));
    has_received_ = true;
    // Whoever sends it byte by byte does not get more time with each.
    until += std::chrono::milliseconds(transport::TimeToSendMs(static_cast<size_t>(got)));
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
