// SPDX-License-Identifier: MIT
#include "server/command/value_condition.h"

#include <algorithm>
#include <iterator>

#include "server/command/digest.h"
#include "server/command/error_replies.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kWords[] = {"IFEQ", "IFNE", "IFDEQ", "IFDNE"};

}  // namespace

bool ValueCondition::IsWord(std::string_view text) {
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [text](std::string_view each) { return EqualsIgnoringCase(text, each); });
}

bool ValueCondition::Take(Arguments& args) {
  for (const std::string_view each : kWords) {
    if (!args.TakeWithValue(each)) continue;
    word = each;
    operand = args.Next();
    return true;
  }
  return false;
}

bool ValueCondition::IsSound(DataCall& call) const {
  if (!is_by_digest() || operand.size() == kDigestDigits) return true;
  call.reply.Error(errors::kBadDigest);
  return false;
}

bool ValueCondition::Holds(const storage::Place& place) const {
  if (word.empty()) return true;
  const bool is_equal = place && (is_by_digest() ? IsDigestOf(operand, place.value()) : operand == place.value());
  return is_equal == word.ends_with("EQ");
}

}  // namespace ringkv::server
