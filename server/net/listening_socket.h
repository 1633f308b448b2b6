// SPDX-License-Identifier: MIT
// Sockets that listen: on TCP addresses and on a Unix socket.
//
// Threads: confined, but for the functions that take a descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/result.h"

namespace ringkv::server {

class ListeningSocket {
 public:
  explicit ListeningSocket(int descriptor) : descriptor_(descriptor) {}
  ListeningSocket(ListeningSocket&& other) noexcept : descriptor_(other.Release()) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~ListeningSocket();

  int get() const { return descriptor_; }
  int Release() { return std::exchange(descriptor_, -1); }
  // For packet filters (SO_MARK). False, with errno, if that isn't allowed.
  bool Mark(uint32_t mark) const;

 private:
  int descriptor_;
};

// Listens on each address in `hosts`, as the option `bind` has them; those that may be missing and are not available
// are left out. An error names the address and the reason. With port 0, `*port` becomes the one that the system has
// chosen, for all addresses.
storage::Result<std::vector<ListeningSocket>> OpenTcpSockets(const std::string& hosts, int64_t* port, int backlog);
// `permissions`: 0 for those of the umask.
storage::Result<ListeningSocket> OpenUnixSocket(const std::string& path, unsigned permissions, int backlog);

// The socket stays bound, but another one may listen on its address.
void SuspendListening(int descriptor);
void ResumeListening(int descriptor, int backlog);

}  // namespace ringkv::server
