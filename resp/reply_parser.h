// SPDX-License-Identifier: MIT
// Parses replies in RESP2 and RESP3. Pushes become arrays.
//
// Each call parses from the first byte until the reply is complete, so it is not suited for replies of many megabytes
// that arrive in small pieces.
//
// Threads: none of its own; a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "resp/reply.h"

namespace ringkv::resp {

enum class ReplyStatus : uint8_t {
  kReply,
  kNeedMore,
  kError,     // the bytes are not a reply, or exceed the limits
  kTooLarge,  // the value takes more memory than it may
};

struct ReplyLimits {
  int64_t bulk_bytes = int64_t{512} << 20;
  int64_t elements = int64_t{1} << 20;
  int depth = 16;
  size_t memory_bytes = SIZE_MAX;  // of the value, as ReplyBuilder counts them
};

// Parses the reply at the beginning of `input`, of `consumed` bytes.
ReplyStatus ParseReply(std::string_view input, const ReplyLimits& limits, Reply* reply, size_t* consumed);

}  // namespace ringkv::resp
