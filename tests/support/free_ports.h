// SPDX-License-Identifier: MIT
// Ports for servers that have to know each other's before they start.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace ringkv::test {

// Below those that the system gives to outgoing connections, and this process's until it ends: other tests that run at
// the same time look for the same names. (Names of this kind go with the process.)
inline bool Claim(int port) {
  const std::string name = "ringkv-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int claim = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::bind(claim, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;  // and is never closed
  ::close(claim);
  return false;
}

inline bool IsFree(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool is_free = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return is_free;
}

inline std::vector<int> FreePorts(size_t count) {
  std::random_device random;
  std::uniform_int_distribution<int> some(10'000, 32'000);
  std::vector<int> ports;
  while (ports.size() < count) {
    const int port = some(random);
    if (Claim(port) && IsFree(port)) ports.push_back(port);
  }
  return ports;
}

}  // namespace ringkv::test
