// SPDX-License-Identifier: MIT
// The ID of a stream entry: milliseconds, and a sequence number within the millisecond.
#pragma once

#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::storage {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  constexpr auto operator<=>(const StreamId&) const = default;  // NOLINT(modernize-use-nullptr): generated code
  // The next or previous ID, which must exist.
  constexpr StreamId Next() const { return seq == UINT64_MAX ? StreamId{ms + 1, 0} : StreamId{ms, seq + 1}; }
  constexpr StreamId Previous() const { return seq == 0 ? StreamId{ms - 1, UINT64_MAX} : StreamId{ms, seq - 1}; }
};

constexpr StreamId kFirstStreamId{0, 0};
constexpr StreamId kLastStreamId{UINT64_MAX, UINT64_MAX};

// An ID as text.
class StreamIdText {
 public:
  explicit StreamIdText(const StreamId& id) {
    char* at = std::to_chars(bytes_, bytes_ + sizeof bytes_, id.ms).ptr;
    *at++ = '-';
    at = std::to_chars(at, bytes_ + sizeof bytes_, id.seq).ptr;
    size_ = static_cast<size_t>(at - bytes_);
  }
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[41];
  size_t size_;
};

}  // namespace ringkv::storage
