// SPDX-License-Identifier: MIT
// Strings as arrays of bits; bit 0 is the highest of the first byte.
#include <algorithm>
#include <bit>
#include <iterator>
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/long_steps.h"
#include "server/command/typed_key.h"
#include "server/commands/bit_offset.h"
#include "server/commands/bit_words.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {

std::optional<uint64_t> ParseBitOffset(std::string_view text, int64_t max_string_bytes) {
  const std::optional<int64_t> offset = resp::ParseInteger(text);
  if (!offset || *offset < 0 || (*offset >> 3) >= max_string_bytes) return std::nullopt;
  return static_cast<uint64_t>(*offset);
}

namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;

int BitAt(std::string_view value, uint64_t offset) {
  const size_t byte = offset >> 3;
  return byte < value.size() ? static_cast<unsigned char>(value[byte]) >> (7 - (offset & 7)) & 1 : 0;
}

void SetBit(DataCall& call) {
  const std::optional<uint64_t> offset = ParseBitOffset(call.args[2], call.max_string_bytes);
  if (!offset) return call.reply.Error(errors::kBitOffset);
  const std::optional<int64_t> bit = resp::ParseInteger(call.args[3]);
  if (!bit || (*bit != 0 && *bit != 1)) return call.reply.Error(errors::kBitValue);
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  Place& place = *found;
  const std::string_view value = place ? place.value() : std::string_view();
  const int old_bit = BitAt(value, *offset);
  const size_t index = *offset >> 3;
  const auto mask = static_cast<unsigned char>(1u << (7 - (*offset & 7)));
  if (index < value.size() && *bit == old_bit) {
    call.txn.NotePatched(place);
    return call.reply.Integer(old_bit);
  }
  if (call.TakesLong(StepsToReach(place, index))) return;
  auto byte = index < value.size() ? static_cast<unsigned char>(value[index]) : static_cast<unsigned char>(0);
  byte = static_cast<unsigned char>(*bit != 0 ? byte | mask : byte & ~mask);
  const char written = static_cast<char>(byte);
  call.txn.Do(place, storage::StringPatch{index, {&written, 1}}, events::kSetBit);
  call.reply.Integer(old_bit);
}

void GetBit(DataCall& call) {
  const std::optional<uint64_t> offset = ParseBitOffset(call.args[2], call.max_string_bytes);
  if (!offset) return call.reply.Error(errors::kBitOffset);
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  call.reply.Integer(place ? BitAt(place.value(), *offset) : 0);
}

// A range of bits [first, last] inside of a value; empty when first > last.
struct BitRange {
  int64_t first;
  int64_t last;
};

uint64_t StepsOf(const BitRange& range) {
  return range.last < range.first ? 0 : StepsOfBytes(static_cast<size_t>(range.last - range.first) / 8);
}

// Makes indexes from the end positive and cuts the range to the value.
BitRange Normalise(int64_t start, int64_t end, bool in_bits, size_t value_bytes) {
  int64_t total = static_cast<int64_t>(value_bytes);
  if (in_bits) total *= 8;
  if (start < 0) start = std::max<int64_t>(start + total, 0);
  if (end < 0) end = std::max<int64_t>(end + total, 0);
  end = std::min(end, total - 1);
  if (start > end) return {0, -1};
  return in_bits ? BitRange{start, end} : BitRange{start * 8, end * 8 + 7};
}

// Reads BYTE or BIT. False on any other word.
bool ParseUnit(std::string_view word, bool* in_bits) {
  *in_bits = EqualsIgnoringCase(word, "BIT");
  return *in_bits || EqualsIgnoringCase(word, "BYTE");
}

int64_t CountBitsIn(std::string_view value, BitRange range) {
  if (range.first > range.last) return 0;
  const auto first_byte = static_cast<size_t>(range.first / 8);
  const auto last_byte = static_cast<size_t>(range.last / 8);
  auto count = static_cast<int64_t>(CountBits(value.substr(first_byte, last_byte - first_byte + 1)));
  const auto before = static_cast<unsigned>(range.first % 8);
  const auto behind = static_cast<unsigned>(7 - range.last % 8);
  const auto first = static_cast<unsigned char>(value[first_byte]);
  const auto last = static_cast<unsigned char>(value[last_byte]);
  count -= std::popcount(static_cast<unsigned char>(first & ~(0xffu >> before)));
  count -= std::popcount(static_cast<unsigned char>(last & ((1u << behind) - 1)));
  return count;
}

void BitCount(DataCall& call) {
  const size_t argc = call.args.size();
  bool in_bits = false;
  std::optional<int64_t> start = 0;
  std::optional<int64_t> end = -1;
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  if (!place) return call.reply.Integer(0);
  if (argc == 3 || argc > 5) return call.reply.Error(errors::kSyntax);
  if (argc > 2) {
    start = resp::ParseInteger(call.args[2]);
    end = resp::ParseInteger(call.args[3]);
    if (!start || !end) return call.reply.Error(errors::kNotInteger);
    // Redis answers an empty range before it looks at the unit.
    if (*start < 0 && *end < 0 && *start > *end) return call.reply.Integer(0);
    if (argc == 5 && !ParseUnit(call.args[4], &in_bits)) return call.reply.Error(errors::kSyntax);
  }
  const BitRange range = Normalise(*start, *end, in_bits, place.value().size());
  if (!call.TakesLong(StepsOf(range))) call.reply.Integer(CountBitsIn(place.value(), range));
}

void BitPos(DataCall& call) {
  const size_t argc = call.args.size();
  const std::optional<int64_t> bit = resp::ParseInteger(call.args[2]);
  if (!bit) return call.reply.Error(errors::kNotInteger);
  if (*bit != 0 && *bit != 1) return call.reply.Error("ERR The bit argument must be 1 or 0.");
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  if (!place) return call.reply.Integer(*bit != 0 ? -1 : 0);
  bool in_bits = false;
  const bool end_given = argc >= 5;
  std::optional<int64_t> start = 0;
  std::optional<int64_t> end = -1;
  if (argc > 6) return call.reply.Error(errors::kSyntax);
  if (argc >= 4) {
    start = resp::ParseInteger(call.args[3]);
    if (!start) return call.reply.Error(errors::kNotInteger);
    if (argc == 6 && !ParseUnit(call.args[5], &in_bits)) return call.reply.Error(errors::kSyntax);
    if (end_given) end = resp::ParseInteger(call.args[4]);
    if (!end) return call.reply.Error(errors::kNotInteger);
  }
  const BitRange range = Normalise(*start, *end, in_bits, place.value().size());
  if (range.first > range.last) return call.reply.Integer(-1);
  if (call.TakesLong(StepsOf(range))) return;
  const auto range_end = static_cast<uint64_t>(range.last + 1);
  const uint64_t at = FindBit(place.value(), static_cast<uint64_t>(range.first), range_end, *bit != 0);
  // Without an end the value counts as followed by zeros for ever.
  const bool is_found = at < range_end || (*bit == 0 && !end_given);
  call.reply.Integer(is_found ? static_cast<int64_t>(at) : -1);
}

// --- BITOP ----------------------------------------------------------------------------------------------------------

struct OperationRow {
  std::string_view word;
  BitOperation operation;
  size_t least_sources = 1;
};
constexpr OperationRow kOperations[] = {{"AND", BitOperation::kAnd},        {"OR", BitOperation::kOr},
                                        {"XOR", BitOperation::kXor},        {"NOT", BitOperation::kNot},
                                        {"DIFF", BitOperation::kDiff, 2},   {"DIFF1", BitOperation::kDiff1, 2},
                                        {"ANDOR", BitOperation::kAndOr, 2}, {"ONE", BitOperation::kOne}};

void BitOp(DataCall& call) {
  const auto* row = std::find_if(std::begin(kOperations), std::end(kOperations),
                                 [&](const OperationRow& each) { return EqualsIgnoringCase(call.args[1], each.word); });
  if (row == std::end(kOperations)) return call.reply.Error(errors::kSyntax);
  if (row->operation == BitOperation::kNot && call.args.size() != 4) {
    return call.reply.Error("ERR BITOP NOT must be called with a single source key.");
  }
  if (call.args.size() - 3 < row->least_sources) {
    return call.reply.Error("ERR BITOP " + std::string(row->word) + " must be called with at least two source keys.");
  }
  std::vector<std::string_view> values;
  size_t longest = 0;
  bool is_source = false;  // the target
  for (size_t i = 3; i < call.args.size(); ++i) {
    const std::optional<Place> source = FindString(call, call.args[i], Intent::kRead);
    if (!source) return;
    values.push_back(*source ? source->value() : std::string_view());
    longest = std::max(longest, values.back().size());
    is_source = is_source || call.args[i] == call.args[2];
  }
  if (call.TakesLong(StepsOfBytes(longest * values.size()))) return;
  Place target = call.txn.Find(call.db, call.args[2], longest > 0 ? Intent::kCheck : Intent::kErase);
  if (longest > 0) {
    call.txn.MakeString(
        target, longest, is_source, [&](char* out) { JoinBits(row->operation, values, out); }, events::kSet);
  } else if (target) {
    call.txn.Do(target, storage::Erase{}, events::kDel);
  }
  call.reply.Integer(static_cast<int64_t>(longest));
}

constexpr Command kBitCommands[] = {
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kBitmap,
     .since = "2.6.0",
     .complexity = "O(N)",
     .syntax = "key [start end [BYTE | BIT]]",
     .summary = "Counts the set bits.",
     .run = Data(BitCount)},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate, 2),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 3),
     .group = Group::kBitmap,
     .since = "2.6.0",
     .history = "8.2.0 DIFF, DIFF1, ANDOR, ONE",
     .complexity = "O(N)",
     .syntax = "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
     .summary = "Combines strings by a bitwise operation and stores the result.",
     .run = Data(BitOp)},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kBitmap,
     .since = "2.8.7",
     .complexity = "O(N)",
     .syntax = "key bit [start [end [BYTE | BIT]]]",
     .summary = "Finds the first set or clear bit.",
     .run = Data(BitPos)},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kBitmap,
     .since = "2.2.0",
     .syntax = "key offset",
     .summary = "Returns a bit.",
     .run = Data(GetBit)},
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kBitmap,
     .since = "2.2.0",
     .syntax = "key offset value",
     .summary = "Sets or clears a bit and returns its previous value.",
     .run = Data(SetBit)},
};
static_assert(RowsAreSound(kBitCommands));

}  // namespace

std::span<const Command> BitCommands() { return kBitCommands; }

}  // namespace ringkv::server
