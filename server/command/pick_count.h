// SPDX-License-Identifier: MIT
// The count of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER; negative: elements may repeat.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "server/command/error_replies.h"

namespace ringkv::server {

// The maximum count with repetition, because the reply has that length even for a small collection.
constexpr int64_t kMostRepeatedPicks = 1 << 20;

// On failure writes the error and returns none.
inline std::optional<int64_t> ParsePickCount(DataCall& call, std::string_view text) {
  const std::optional<int64_t> count = resp::ParseInteger(text);
  if (!count) {
    call.reply.Error(errors::kNotInteger);
  } else if (*count == INT64_MIN) {
    call.reply.Error(errors::kNotPickCount);
  } else if (*count < -kMostRepeatedPicks) {
    call.reply.Error(errors::kOutOfRange);
  } else {
    return count;
  }
  return std::nullopt;
}

}  // namespace ringkv::server
