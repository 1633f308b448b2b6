// SPDX-License-Identifier: MIT
// CLUSTERSCAN: iterates over the keys of a cluster, slot by slot. A cursor names its slot by a hash tag, so that
// clients send it to the node that has the slot.
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/base/text.h"
#include "server/command/error_replies.h"
#include "server/command/scan_options.h"
#include "server/commands/families.h"
#include "storage/base/key_slot.h"
#include "storage/base/position.h"
#include "storage/transaction/walk.h"
#include "storage/types/encoding.h"
#include "storage/types/type_table.h"

namespace ringkv::server {
namespace {

// A short text for each slot that hashes to it.
class SlotTags {
 public:
  SlotTags() {
    std::string tag;
    Find(&tag);
  }
  std::string_view Of(size_t slot) const { return tags_[slot]; }

 private:
  static constexpr size_t kLongest = 3;

  void Find(std::string* tag) {
    static constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const char letter : kLetters) {
      tag->push_back(letter);
      std::string& known = tags_[storage::KeySlot(*tag)];
      if (known.empty() || known.size() > tag->size()) known = *tag;
      if (tag->size() < kLongest) Find(tag);
      tag->pop_back();
    }
  }

  std::array<std::string, storage::kSlots> tags_;
};

// Made when it is needed first, in some milliseconds.
const SlotTags& Tags() {
  static const SlotTags tags;
  return tags;
}

// Of the order in which this data set has its keys: another one begins the slot anew.
std::string Fingerprint(const storage::Placement& placement) {
  const uint64_t hashed = storage::PositionOf("order", placement).value & (storage::FirstPositionOf(1) - 1);
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, hashed, 16).ptr;
  return {digits, end};
}

// fingerprint-{tag}-offset
std::string PrintCursor(std::string_view fingerprint, size_t slot, uint64_t offset) {
  return std::string(fingerprint) + "-{" + std::string(Tags().Of(slot)) + "}-" + std::to_string(offset);
}
std::string BeginningOf(size_t slot) { return PrintCursor("0", slot, 0); }

struct ScanCursor {
  std::string_view fingerprint;
  uint64_t offset = 0;
};

std::optional<ScanCursor> ParseScanCursor(std::string_view text) {
  const size_t open = text.find("-{");
  const size_t close = text.find("}-");
  if (open == std::string_view::npos || open == 0 || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(close + 2);
  ScanCursor cursor{.fingerprint = text.substr(0, open)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cursor.offset);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return cursor;
}

void ReplyWithoutKeys(DataCall& call, std::string_view next) {
  call.reply.Array(2);
  call.reply.Bulk(next);
  call.reply.Array(0);
}

void ClusterScan(DataCall& call) {
  if (!call.in_cluster || !call.txn.store().placement().by_slot) return call.reply.Error(errors::kClusterDisabled);
  const std::string_view text = call.args[1];
  ScanOptions options;
  call.args.Skip(1);
  if (!ParseScanOptions(call, Scanned::kClusterKeys, &options)) return;
  if (text == "0") return ReplyWithoutKeys(call, BeginningOf(options.slot.value_or(0)));
  const std::optional<ScanCursor> cursor = ParseScanCursor(text);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  const size_t slot = storage::KeySlot(text);
  if (options.slot && *options.slot != slot) return call.reply.Error("ERR the cursor is of another slot than SLOT");
  if (call.TakesLong(options.count)) return;
  const std::string fingerprint = Fingerprint(call.txn.store().placement());
  resp::BulkList keys(call.reply);
  const uint64_t from = cursor->fingerprint == fingerprint ? cursor->offset : 0;
  const uint64_t next = WalkSlot(call.txn, call.db, slot, from, options.count, [&](const storage::Entry& entry) {
    if (!options.Matches(entry.key())) return;
    if (!options.type.empty() && !EqualsIgnoringCase(options.type, storage::TypeName(entry.type()))) return;
    keys.Add(entry.key());
  });
  call.reply.Array(2);
  if (next != 0) {
    call.reply.Bulk(PrintCursor(fingerprint, slot, next));
  } else {
    const bool is_last = options.slot || slot + 1 == storage::kSlots;
    call.reply.Bulk(is_last ? "0" : BeginningOf(slot + 1));
  }
  keys.Finish();
}

// The cursor that begins a scan may go to any node.
ArgumentRange CursorWithSlot(std::span<const std::string_view> argv) {
  return {1, argv.size() > 1 && argv[1].find("-{") != std::string_view::npos ? size_t{1} : 0};
}

constexpr Command kClusterScanCommands[] = {
    {.name = "clusterscan",
     .arity = -2,
     .flags = kReadOnly,
     .keys = {.flags = kKeyRO | kKeyNot, .first = 1, .last = 1, .step = 1, .find = CursorWithSlot},
     .group = Group::kGeneric,
     .tips = "nondeterministic_output",
     .since = "9.1.0",
     .complexity = "O(COUNT) a call, O(N) for all keys",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type] [SLOT slot]",
     .summary = "Iterates over the keys of a cluster, slot by slot.",
     .run = Data(ClusterScan)},
};
static_assert(RowsAreSound(kClusterScanCommands));

}  // namespace

std::span<const Command> ClusterScanCommands() { return kClusterScanCommands; }

}  // namespace ringkv::server
