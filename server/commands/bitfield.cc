// SPDX-License-Identifier: MIT
// Strings as arrays of integers of any width up to 64 bits.
#include <algorithm>
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/typed_key.h"
#include "server/commands/bit_offset.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;

constexpr std::string_view kBadType =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

enum class Overflow { kWrap, kSaturate, kFail };

struct FieldType {
  unsigned bits = 0;
  bool is_signed = false;

  // All values are kept as the low `bits` of a word; signed ones are extended when shown.
  int64_t Show(uint64_t word) const {
    if (!is_signed || bits == 64) return static_cast<int64_t>(word);
    return static_cast<int64_t>(word << (64 - bits)) >> (64 - bits);
  }
  __int128 Least() const { return is_signed ? -(static_cast<__int128>(1) << (bits - 1)) : 0; }
  __int128 Most() const { return (static_cast<__int128>(1) << (is_signed ? bits - 1 : bits)) - 1; }
};

enum class Action { kGet, kSet, kIncrease };

struct Operation {
  Action action;
  FieldType type;
  uint64_t offset;
  int64_t value;
  Overflow overflow;
};

std::optional<FieldType> ParseFieldType(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  const std::optional<int64_t> bits = resp::ParseInteger(text.substr(1));
  const bool is_signed = text[0] == 'i';
  if (!bits || *bits < 1 || *bits > (is_signed ? 64 : 63)) return std::nullopt;
  return FieldType{static_cast<unsigned>(*bits), is_signed};
}

// "#3" counts in fields, "3" in bits.
std::optional<uint64_t> ParseOffset(std::string_view text, FieldType type, int64_t max_string_bytes) {
  if (text.empty() || text[0] != '#') return ParseBitOffset(text, max_string_bytes);
  const std::optional<int64_t> index = resp::ParseInteger(text.substr(1));
  int64_t offset = 0;
  if (!index || *index < 0 || __builtin_mul_overflow(*index, static_cast<int64_t>(type.bits), &offset)) {
    return std::nullopt;
  }
  return (offset >> 3) < max_string_bytes ? std::optional<uint64_t>(static_cast<uint64_t>(offset)) : std::nullopt;
}

uint64_t ReadBits(std::string_view value, uint64_t offset, unsigned bits) {
  uint64_t word = 0;
  for (unsigned i = 0; i < bits; ++i, ++offset) {
    const size_t byte = offset >> 3;
    const unsigned bit = byte < value.size() ? static_cast<unsigned char>(value[byte]) >> (7 - (offset & 7)) & 1 : 0;
    word = (word << 1) | bit;
  }
  return word;
}

// Writes a field into the value, which is long enough, by patching the bytes that hold it. False if they stay the same.
bool WriteBits(DataCall& call, Place& place, uint64_t offset, unsigned bits, uint64_t word) {
  const size_t first = offset >> 3;
  const size_t last = (offset + bits - 1) >> 3;
  const std::string_view value = place.value();
  std::string bytes(last - first + 1, '\0');
  for (size_t i = first; i <= last && i < value.size(); ++i) bytes[i - first] = value[i];
  for (unsigned i = 0; i < bits; ++i) {
    const uint64_t at = offset + i - first * 8;
    const unsigned mask = 1u << (7 - (at & 7));
    auto byte = static_cast<unsigned char>(bytes[at >> 3]);
    byte = static_cast<unsigned char>((word >> (bits - 1 - i) & 1) != 0 ? byte | mask : byte & ~mask);
    bytes[at >> 3] = static_cast<char>(byte);
  }
  if (bytes == value.substr(first, bytes.size())) return false;
  call.txn.Do(place, storage::StringPatch{first, bytes}, events::kSetBit);
  return true;
}

// What a field becomes; nothing when it would not fit and must not change.
std::optional<uint64_t> Fit(__int128 wanted, FieldType type, Overflow overflow) {
  if (wanted < type.Least() || wanted > type.Most()) {
    if (overflow == Overflow::kFail) return std::nullopt;
    if (overflow == Overflow::kSaturate) wanted = wanted < type.Least() ? type.Least() : type.Most();
  }
  const uint64_t mask = type.bits == 64 ? ~uint64_t{0} : (uint64_t{1} << type.bits) - 1;
  return static_cast<uint64_t>(wanted) & mask;
}

bool ParseOperations(DataCall& call, std::vector<Operation>* operations) {
  Overflow overflow = Overflow::kWrap;
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return false;
  };
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("OVERFLOW")) {
      const std::string_view word = call.args.Next();
      if (EqualsIgnoringCase(word, "WRAP")) {
        overflow = Overflow::kWrap;
      } else if (EqualsIgnoringCase(word, "SAT")) {
        overflow = Overflow::kSaturate;
      } else if (EqualsIgnoringCase(word, "FAIL")) {
        overflow = Overflow::kFail;
      } else {
        return fail("ERR Invalid OVERFLOW type specified");
      }
      continue;
    }
    Operation operation{Action::kGet, {}, 0, 0, overflow};
    if (call.args.Left() >= 3 && call.args.Take("GET")) {
      operation.action = Action::kGet;
    } else if (call.args.Left() >= 4 && call.args.Take("SET")) {
      operation.action = Action::kSet;
    } else if (call.args.Left() >= 4 && call.args.Take("INCRBY")) {
      operation.action = Action::kIncrease;
    } else {
      return fail(errors::kSyntax);
    }
    const std::optional<FieldType> type = ParseFieldType(call.args.Next());
    if (!type) return fail(kBadType);
    operation.type = *type;
    const std::optional<uint64_t> offset = ParseOffset(call.args.Next(), *type, call.max_string_bytes);
    if (!offset) return fail(errors::kBitOffset);
    operation.offset = *offset;
    if (operation.action != Action::kGet) {
      const std::optional<int64_t> value = resp::ParseInteger(call.args.Next());
      if (!value) return fail(errors::kNotInteger);
      operation.value = *value;
    }
    operations->push_back(operation);
  }
  return true;
}

void Execute(DataCall& call, Place& place, const Operation& operation, bool has_grown) {
  const std::string_view value = place ? place.value() : std::string_view();
  const FieldType type = operation.type;
  const int64_t old_value = type.Show(ReadBits(value, operation.offset, type.bits));
  if (operation.action == Action::kGet) return call.reply.Integer(old_value);
  __int128 wanted = operation.value;
  if (operation.action == Action::kIncrease) {
    wanted += old_value;
  } else if (!type.is_signed) {
    // An unsigned field takes the argument's bits: a negative number is a large one.
    wanted = static_cast<uint64_t>(operation.value);
  }
  const std::optional<uint64_t> word = Fit(wanted, type, operation.overflow);
  if (!word) return call.reply.Null();
  call.reply.Integer(operation.action == Action::kSet ? old_value : type.Show(*word));
  if (!WriteBits(call, place, operation.offset, type.bits, *word) && has_grown) call.txn.Tell(place, events::kSetBit);
}

// A write makes the string long enough for all fields that the command writes, first of all. Whether it was too short;
// subscribers are told of it by the first field that is written.
bool GrowFor(DataCall& call, Place& place, const std::vector<Operation>& operations) {
  uint64_t bytes = 0;
  for (const Operation& operation : operations) {
    if (operation.action != Action::kGet) {
      bytes = std::max(bytes, (operation.offset + operation.type.bits - 1) / 8 + 1);
    }
  }
  const size_t length = place ? place.value().size() : 0;
  if (bytes <= length) {
    call.txn.NotePatched(place);
    return false;
  }
  // Its last byte is written, because Redis replicas ignore a patch without bytes.
  call.txn.Do(place, storage::StringPatch{bytes - 1, std::string_view("\0", 1)}, events::kNone);
  return true;
}

void BitField(DataCall& call) {
  std::vector<Operation> operations;
  if (!ParseOperations(call, &operations)) return;
  const bool writes = std::any_of(operations.begin(), operations.end(),
                                  [](const Operation& each) { return each.action != Action::kGet; });
  std::optional<Place> found = FindString(call, call.args[1], writes ? Intent::kWrite : Intent::kRead);
  if (!found) return;
  Place& place = *found;
  const bool has_grown = writes && GrowFor(call, place, operations);
  call.reply.Array(static_cast<int64_t>(operations.size()));
  for (const Operation& operation : operations) Execute(call, place, operation, has_grown);
}

void BitFieldRo(DataCall& call) {
  std::vector<Operation> operations;
  if (!ParseOperations(call, &operations)) return;
  for (const Operation& operation : operations) {
    if (operation.action != Action::kGet) return call.reply.Error("ERR BITFIELD_RO only supports the GET subcommand");
  }
  std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  Place& place = *found;
  call.reply.Array(static_cast<int64_t>(operations.size()));
  for (const Operation& operation : operations) Execute(call, place, operation, false);
}

// What is not known to read may change.
uint8_t BitFieldKeyFlags(std::span<const std::string_view> argv) {
  for (size_t i = 2; i < argv.size(); ++i) {
    const size_t left = argv.size() - i - 1;
    if (EqualsIgnoringCase(argv[i], "GET") && left >= 2) {
      i += 2;
    } else if (EqualsIgnoringCase(argv[i], "OVERFLOW") && left >= 1) {
      i += 1;
    } else {
      return kKeyRW | kKeyAccess | kKeyUpdate;
    }
  }
  return kKeyRO | kKeyAccess;
}

constexpr Command kBitFieldCommands[] = {
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = {kKeyRW | kKeyAccess | kKeyUpdate, 1, 1, 1, BitFieldKeyFlags,
              "This command allows both access and modification of the key"},
     .group = Group::kBitmap,
     .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .syntax = "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding "
               "offset increment> ...]",
     .summary = "Reads and changes integers of any width within a string.",
     .run = Data(BitField)},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kBitmap,
     .since = "6.0.0",
     .complexity = "O(1) for each operation",
     .syntax = "key [GET encoding offset ...]",
     .summary = "Reads integers of any width within a string.",
     .run = Data(BitFieldRo)},
};
static_assert(RowsAreSound(kBitFieldCommands));

}  // namespace

std::span<const Command> BitFieldCommands() { return kBitFieldCommands; }

}  // namespace ringkv::server
