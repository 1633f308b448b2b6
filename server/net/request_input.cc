// SPDX-License-Identifier: MIT
#include "server/net/request_input.h"

#include <algorithm>
#include <span>
#include <utility>

#include "server/base/client_card.h"

namespace ringkv::server {
namespace {

constexpr size_t kLargestRead = 64 * 1024;
constexpr size_t kInputKept = 128 * 1024;  // a larger buffer is freed when it is empty, some times a second

}  // namespace

// A long argument under way uses larger steps, but not much more than has arrived already. When an eighth of it is
// there, there is room for all of it at once: growing on would copy it, and take fresh memory, several times.
size_t RequestInput::NextStep() const {
  constexpr size_t kEnoughOfIt = 8;
  const size_t missing = parser_.BytesMissing(bytes_.size());
  if (missing <= read_size_) return read_size_;
  return bytes_.size() >= missing / kEnoughOfIt ? missing : std::min(missing, std::max(read_size_, bytes_.size()));
}

Receipt RequestInput::Receive(StreamSocket& socket, ThreadStatistics& statistics) {
  const size_t before = bytes_.size();
  const Receipt receipt = ReceiveInto(bytes_, NextStep(), socket, statistics);
  received_ += bytes_.size() - before;
  filled_ = std::max(filled_, bytes_.capacity() - bytes_.writable());
  if (receipt == Receipt::kFull) read_size_ = std::min(read_size_ * 2, kLargestRead);
  return receipt;
}

resp::ParseStatus RequestInput::Parse(const resp::RequestLimits& limits, bool authenticated, RequestBatch& batch) {
  batch.Clear();
  const std::string_view input = bytes_.Readable();
  size_t offset = 0;
  const size_t most = authenticated ? RequestBatch::kMostRequests : 1;
  resp::ParseStatus status = resp::ParseStatus::kRequest;
  while (batch.size() < most) {
    status = parser_.Parse(input.substr(offset), limits, authenticated);
    if (status == resp::ParseStatus::kNeedMore || status == resp::ParseStatus::kError) break;
    offset += parser_.consumed();
    batch.Add(status == resp::ParseStatus::kRequest ? parser_.arguments() : std::span<const std::string_view>(),
              offset);
    // The words of an inline request are gone with the next one, and many arguments are enough work for once.
    if (parser_.is_inline() || batch.is_large()) break;
  }
  return status;
}

resp::Buffer RequestInput::Lend(size_t bytes) {
  parser_.Restart();
  resp::Buffer lent = std::move(bytes_);
  bytes_.Append(lent.Readable().substr(bytes));
  filled_ = bytes_.size();
  return lent;
}

void RequestInput::PutBefore(std::string_view request) {
  parser_.Restart();
  const resp::Buffer others = std::move(bytes_);
  bytes_.Append(request);
  bytes_.Append(others.Readable());
  filled_ = bytes_.size();
}

void RequestInput::Shrink(bool all) {
  if (all || (bytes_.empty() && bytes_.capacity() > kInputKept)) bytes_.ShrinkTo(0);
  if (!all) return;
  parser_.Shrink();
  read_size_ = kSmallestRead;
}

void RequestInput::CountMemory(ClientCard& card, size_t others) {
  filled_ = std::min(filled_, bytes_.capacity());
  card.input_bytes.store(bytes_.size(), std::memory_order_relaxed);
  card.received_bytes.fetch_add(std::exchange(received_, 0), std::memory_order_relaxed);
  card.input_free.store(std::max(filled_, bytes_.size()) - bytes_.size(), std::memory_order_relaxed);
  card.argument_bytes.store(parser_.MemoryBytes() + others, std::memory_order_relaxed);
}

}  // namespace ringkv::server
