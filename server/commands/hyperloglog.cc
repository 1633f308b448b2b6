// SPDX-License-Identifier: MIT
// HyperLogLog: about how many different elements there were, in strings of at most twelve kilobytes.
#include "storage/types/hyperloglog.h"

#include <string>

#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::HyperLogLog;
using storage::Intent;
using storage::Place;

constexpr std::string_view kNotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupt = "INVALIDOBJ Corrupted HLL object detected";

// A key that holds one, or nothing. Nothing with the error written.
std::optional<Place> FindHyperLogLog(DataCall& call, std::string_view key, Intent intent) {
  std::optional<Place> found = FindString(call, key, intent);
  if (!found || !*found || HyperLogLog::IsOne(found->value())) return found;
  call.reply.Error(kNotOne);
  return std::nullopt;
}

size_t SparseBytes(DataCall& call) { return storage::LimitOf(call.txn.store().type_limits().sparse_hyperloglog_bytes); }

void Put(DataCall& call, Place& place, std::string_view bytes) {
  call.txn.Do(place, storage::StringPut{bytes, place.expiry(), storage::StringForm::kPatched}, events::kPfAdd);
}

// Changes no more than the registers that an element raises.
void AddToDense(DataCall& call, Place& place) {
  bool is_changed = false;
  for (size_t i = 2; i < call.args.size(); ++i) {
    const auto change = storage::DenseChange(place.value(), HyperLogLog::MarkOf(call.args[i]));
    if (!change) continue;
    is_changed = true;
    call.txn.Do(place, storage::StringPatch{change->offset, change->bytes}, events::kPfAdd);
  }
  if (is_changed && storage::StoredCount(place.value())) {
    const storage::StringPatch outdated{storage::kHyperLogLogCountEndAt, storage::kOutdatedCountEnd};
    call.txn.Do(place, outdated, events::kPfAdd);
  }
  call.reply.Integer(is_changed ? 1 : 0);
}

void PfAdd(DataCall& call) {
  std::optional<Place> found = FindHyperLogLog(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (*found && storage::IsDenseHyperLogLog(found->value())) return AddToDense(call, *found);
  bool is_changed = !*found;
  std::string bytes = *found ? std::string(found->value()) : HyperLogLog::Empty();
  HyperLogLog log(&bytes, SparseBytes(call));
  for (size_t i = 2; i < call.args.size(); ++i) {
    switch (log.Raise(HyperLogLog::MarkOf(call.args[i]))) {
      case HyperLogLog::Outcome::kUnchanged: break;
      case HyperLogLog::Outcome::kChanged: is_changed = true; break;
      case HyperLogLog::Outcome::kCorrupt: return call.reply.Error(kCorrupt);
    }
  }
  if (is_changed) {
    log.Outdate();
    Put(call, *found, bytes);
  }
  call.reply.Integer(is_changed ? 1 : 0);
}

void CountOne(DataCall& call) {
  std::optional<Place> found = FindHyperLogLog(call, call.args[1], Intent::kRead);
  if (!found) return;
  if (!*found) return call.reply.Integer(0);
  std::optional<uint64_t> count = storage::StoredCount(found->value());
  if (!count) {
    HyperLogLog::Registers registers = {};
    if (!storage::MergeRegisters(found->value(), &registers)) return call.reply.Error(kCorrupt);
    count = storage::EstimateCount(registers);
    // A follower keeps the bytes as they are on its primary.
    if (call.txn.store().authority() == storage::Authority::kOwner) {
      const std::string count_bytes = storage::CountBytes(*count);
      call.txn.Do(*found, storage::StringPatch{storage::kHyperLogLogCountAt, count_bytes}, events::kNone);
    }
  }
  call.reply.Integer(static_cast<int64_t>(*count));
}

// Raises the registers to those of the keys from `first` on. False with the error written.
bool MergeKeys(DataCall& call, size_t first, HyperLogLog::Registers* registers, bool* is_any_dense) {
  for (size_t i = first; i < call.args.size(); ++i) {
    const std::optional<Place> found = FindHyperLogLog(call, call.args[i], Intent::kRead);
    if (!found) return false;
    if (!*found) continue;
    *is_any_dense = *is_any_dense || storage::IsDenseHyperLogLog(found->value());
    if (storage::MergeRegisters(found->value(), registers)) continue;
    call.reply.Error(kCorrupt);
    return false;
  }
  return true;
}

void PfCount(DataCall& call) {
  if (call.args.size() == 2) return CountOne(call);
  HyperLogLog::Registers registers = {};
  bool is_any_dense = false;
  if (!MergeKeys(call, 1, &registers, &is_any_dense)) return;
  call.reply.Integer(static_cast<int64_t>(storage::EstimateCount(registers)));
}

void PfMerge(DataCall& call) {
  HyperLogLog::Registers registers = {};
  bool is_any_dense = false;
  if (!MergeKeys(call, 1, &registers, &is_any_dense)) return;
  std::optional<Place> found = FindHyperLogLog(call, call.args[1], Intent::kWrite);
  if (!found) return;
  std::string bytes = *found ? std::string(found->value()) : HyperLogLog::Empty();
  HyperLogLog log(&bytes, SparseBytes(call));
  if (is_any_dense && !log.BecomeDense()) return call.reply.Error(kCorrupt);
  for (size_t i = 0; i < registers.size(); ++i) {
    if (registers[i] > 0) log.Raise({i, registers[i]});
  }
  log.Outdate();
  Put(call, *found, bytes);
  call.reply.Ok();
}

constexpr Command kHyperLogLogCommands[] = {
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kHyperLogLog,
     .since = "2.8.9",
     .complexity = "O(N) in the number of elements given",
     .syntax = "key [element [element ...]]",
     .summary = "Adds elements to a HyperLogLog.",
     .run = Data(PfAdd)},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadOnly,
     .keys = {.flags = kKeyRW | kKeyAccess,
              .first = 1,
              .last = -1,
              .step = 1,
              .note = "RW because it may change the internal representation of the key, and propagate to replicas"},
     .group = Group::kHyperLogLog,
     .since = "2.8.9",
     .complexity = "O(1) for one key whose count is stored, else O(N) in the number of keys",
     .syntax = "key [key ...]",
     .summary = "Estimates the number of distinct elements of one or more HyperLogLogs.",
     .run = Data(PfCount)},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyInsert),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kHyperLogLog,
     .since = "2.8.9",
     .complexity = "O(N) in the number of keys",
     .syntax = "destkey [sourcekey [sourcekey ...]]",
     .summary = "Merges HyperLogLogs into one.",
     .run = Data(PfMerge)},
};
static_assert(RowsAreSound(kHyperLogLogCommands));

}  // namespace

std::span<const Command> HyperLogLogCommands() { return kHyperLogLogCommands; }

}  // namespace ringkv::server
