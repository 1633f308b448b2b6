// SPDX-License-Identifier: MIT
#include "server/commands/hash_expiry_arguments.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "resp/integer_text.h"
#include "server/command/error_replies.h"

namespace ringkv::server {
namespace {

// As in Redis: far enough that the sum of two such times fits its field of 48 bits.
constexpr int64_t kLastMoment = ((int64_t{1} << 48) - 2) >> 2;

}  // namespace

std::optional<Arguments::View> ParseFields(DataCall& call, std::string_view command, std::string_view not_positive) {
  if (!call.args.Take("FIELDS")) {
    call.reply.Error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return std::nullopt;
  }
  if (call.args.AtEnd()) {
    call.reply.Error(errors::WrongArity(command));
    return std::nullopt;
  }
  const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
  if (!count || *count < 1) {
    call.reply.Error(not_positive);
    return std::nullopt;
  }
  if (static_cast<uint64_t>(*count) != call.args.Left()) {
    call.reply.Error("ERR The `numfields` parameter must match the number of arguments");
    return std::nullopt;
  }
  return call.args.all().last(call.args.Left());
}

std::optional<storage::UnixMs> ParseFieldExpiry(DataCall& call, std::string_view text, TimeUnit unit,
                                                std::string_view command) {
  const std::optional<int64_t> amount = resp::ParseInteger(text);
  const int64_t base = unit.is_absolute ? 0 : call.txn.now();
  if (!amount) {
    call.reply.Error(errors::kNotInteger);
  } else if (*amount < 0) {
    call.reply.Error("ERR invalid expire time, must be >= 0");
  } else if (*amount > kLastMoment / unit.milliseconds || *amount * unit.milliseconds > kLastMoment - base) {
    call.reply.Error("ERR invalid expire time in '" + std::string(command) + "' command");
  } else {
    // Zero stands for no expiry in the store: one millisecond later is as long over.
    return std::max<int64_t>(*amount * unit.milliseconds + base, 1);
  }
  return std::nullopt;
}

}  // namespace ringkv::server
