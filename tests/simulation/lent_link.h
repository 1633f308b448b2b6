// SPDX-License-Identifier: MIT
// For a port of a simulation: a link that belongs to somebody else, who closes the port first.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "cluster/link/link.h"

namespace ringkv::test {

class LentLink final : public cluster::Link {
 public:
  explicit LentLink(cluster::Link& link) : link_(link) {}

  storage::Status Open(int64_t now) override { return link_.Open(now); }
  storage::Result<Next> Work(int64_t now) override { return link_.Work(now); }
  int64_t wake_at() const override { return link_.wake_at(); }
  std::span<char> Room() override { return link_.Room(); }
  storage::Status Received(size_t count, int64_t now) override { return link_.Received(count, now); }
  size_t unread() const override { return link_.unread(); }
  std::string_view ToSend() const override { return link_.ToSend(); }
  void Sent(size_t count, int64_t now) override { link_.Sent(count, now); }
  size_t waiting() const override { return link_.waiting(); }

 private:
  cluster::Link& link_;
};

}  // namespace ringkv::test
