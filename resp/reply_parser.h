// SPDX-License-Identifier: MIT
// Bytes to replies, RESP2 and what RESP3 has beside it. Sets and pushes are arrays, a map is its keys and values, a
// double, a boolean, a big number is text.
//
// It is shown the input from its first byte again until it is whole; for replies of many megabytes that arrive in
// small pieces it is not made.
//
// Threads: none of its own; a pure function.
#pragma once

#include <cstddef>
#include <string_view>

#include "resp/reply.h"

namespace ringkv::resp {

enum class ReplyStatus : uint8_t { kReply, kNeedMore, kError };

struct ReplyLimits {
  int64_t bulk_bytes = int64_t{512} << 20;
  int64_t elements = int64_t{1} << 20;
  int depth = 16;
};

// The reply at the beginning of `input`, which takes `consumed` bytes of it. kError: these bytes are no reply, or one
// beyond the limits.
ReplyStatus ParseReply(std::string_view input, const ReplyLimits& limits, Reply* reply, size_t* consumed);

}  // namespace ringkv::resp
