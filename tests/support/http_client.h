// SPDX-License-Identifier: MIT
// A connection to the HTTP port that sends what it is told, byte for byte.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/support/loopback.h"
#include "tests/support/server_process.h"

namespace ringkv::test {

constexpr const char* kJson = "Content-Type: application/json\r\n";

struct HttpReply {
  int status = 0;  // 0: the connection has ended instead
  std::string head;
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = LoopbackAt(port);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    is_connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~HttpClient() { ::close(socket_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool is_connected() const { return is_connected_; }
  int socket() const { return socket_; }
  void Send(const std::string& bytes) { SendAll(socket_, bytes); }
  // Nothing more will be sent.
  void CloseHalf() { ::shutdown(socket_, SHUT_WR); }
  // `head`: further lines, each with its end. HEAD has no body, whatever its length says.
  HttpReply Ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& head = "") {
    SendRequest(method, target, body, head);
    return Receive(method == "HEAD");
  }
  void SendRequest(const std::string& method, const std::string& target, const std::string& body = "",
                   const std::string& head = "") {
    const bool has_body = method == "PUT" || method == "POST";
    Send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + head +
         (has_body ? "Content-Length: " + std::to_string(body.size()) + "\r\n" : "") + "\r\n" + body);
  }
  HttpReply Receive(bool without_body = false) {
    HttpReply reply;
    size_t end;
    while ((end = waiting_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReceiveMore()) return reply;
    }
    reply.head = waiting_.substr(0, end + 4);
    waiting_.erase(0, end + 4);
    reply.status = std::atoi(reply.head.c_str() + sizeof("HTTP/1.1"));
    const size_t at = reply.head.find("Content-Length: ");
    const size_t size =
        at == std::string::npos || without_body ? 0 : static_cast<size_t>(std::atoll(reply.head.c_str() + at + 16));
    while (waiting_.size() < size && ReceiveMore()) {
    }
    reply.body = waiting_.substr(0, size);
    waiting_.erase(0, reply.body.size());
    return reply;
  }
  bool HasEnded() { return waiting_.empty() && !ReceiveMore(); }

 private:
  bool ReceiveMore() {
    char room[16 * 1024];
    const ssize_t received = ::recv(socket_, room, sizeof room, 0);
    if (received <= 0) return false;
    waiting_.append(room, static_cast<size_t>(received));
    return true;
  }

  int socket_;
  bool is_connected_;
  std::string waiting_;
};

}  // namespace ringkv::test
