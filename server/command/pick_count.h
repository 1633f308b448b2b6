// SPDX-License-Identifier: MIT
// How many elements HRANDFIELD, SRANDMEMBER and ZRANDMEMBER are to choose: below zero, the same may come again.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "server/command/error_replies.h"

namespace ringkv::server {

// So many may come again and again at once, at most: the reply is as long as the number says, however small the
// collection.
constexpr int64_t kMostRepeatedPicks = 1 << 20;

// Nothing with the error written.
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
