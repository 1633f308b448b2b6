// SPDX-License-Identifier: MIT
#include "server/node_link/message_reader.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ringkv::server {
namespace {

constexpr size_t kMessageReceiveBytes = 256 * 1024;

}  // namespace

storage::Result<bool> MessageReader::Next(cluster::NodeMessage* message, int64_t timeout_ms, uint64_t most) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  received_.Consume(std::exchange(consumed_, 0));
  if (received_.empty() && received_.capacity() > 16 * kMessageReceiveBytes) received_.ShrinkTo(0);
  for (;;) {
    size_t size = 0;
    const cluster::Decoded decoded = cluster::DecodeMessage(received_.Readable(), message, &size);
    if (decoded == cluster::Decoded::kBad || size > most) return storage::Fail("a message from it is damaged");
    if (decoded == cluster::Decoded::kMessage) {
      consumed_ = size;
      return true;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    const storage::Result<size_t> got =
        socket_.Receive(received_.Prepare(kMessageReceiveBytes), kMessageReceiveBytes, std::max<int64_t>(left, 0));
    if (!got) return tl::unexpected(got.error());
    received_.Commit(*got);
    if (*got == 0 && Clock::now() >= end) return false;
  }
}

}  // namespace ringkv::server
