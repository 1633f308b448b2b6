// SPDX-License-Identifier: MIT
// HyperLogLog: about how many different elements there were, in strings of at most twelve kilobytes.
#include "storage/types/hyperloglog.h"

#include <cmath>
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
      case HyperLogLog::RaiseResult::kUnchanged: break;
      case HyperLogLog::RaiseResult::kChanged: is_changed = true; break;
      case HyperLogLog::RaiseResult::kCorrupt: return call.reply.Error(kCorrupt);
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

// --- PFDEBUG, PFSELFTEST
// ----------------------------------------------------------------------------------------------

// Makes it dense. Whether it was sparse; nothing with the error written.
std::optional<bool> StoreDense(DataCall& call, Place& place) {
  if (storage::IsDenseHyperLogLog(place.value())) return false;
  std::string bytes(place.value());
  if (!HyperLogLog(&bytes, SparseBytes(call)).BecomeDense()) {
    call.reply.Error(kCorrupt);
    return std::nullopt;
  }
  call.txn.Do(place, storage::StringPut{bytes, place.expiry(), storage::StringForm::kPatched}, events::kNone);
  return true;
}

// As in redis-server, it is dense from then on.
void ReplyRegisters(DataCall& call, Place& place) {
  if (!StoreDense(call, place)) return;
  HyperLogLog::Registers registers = {};
  storage::MergeRegisters(place.value(), &registers);
  call.reply.Array(static_cast<int64_t>(registers.size()));
  for (const uint8_t value : registers) call.reply.Integer(value);
}

void ReplyRuns(DataCall& call, const Place& place) {
  if (storage::IsDenseHyperLogLog(place.value())) return call.reply.Error("ERR HLL encoding is not sparse");
  const std::optional<std::string> runs = storage::DescribeRuns(place.value());
  runs ? call.reply.Simple(*runs) : call.reply.Error(kCorrupt);
}

void PfDebug(DataCall& call) {
  std::optional<Place> found = FindHyperLogLog(call, call.args[2], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Error("ERR The specified key does not exist");
  if (call.args.Take("GETREG")) return ReplyRegisters(call, *found);
  if (call.args.Take("DECODE")) return ReplyRuns(call, *found);
  if (call.args.Take("ENCODING")) {
    return call.reply.Simple(storage::IsDenseHyperLogLog(found->value()) ? "dense" : "sparse");
  }
  if (call.args.Take("TODENSE")) {
    if (const std::optional<bool> changed = StoreDense(call, *found)) call.reply.Integer(*changed ? 1 : 0);
    return;
  }
  call.reply.Error("ERR Unknown PFDEBUG subcommand '" + std::string(call.args[1]) + "'");
}

// Registers of both forms must agree at each power of ten elements, and the estimate must be near.
void PfSelfTest(DataCall& call) {
  constexpr int kElements = 100'000;
  constexpr double kStandardError = 1.04 / 128;  // 128 * 128 registers
  constexpr double kErrors = 5;
  std::string sparse_bytes = HyperLogLog::Empty();
  std::string dense_bytes = HyperLogLog::Empty();
  HyperLogLog sparse(&sparse_bytes, SparseBytes(call));
  HyperLogLog dense(&dense_bytes, 0);
  for (int count = 1, checkpoint = 1; count <= kElements; ++count) {
    const HyperLogLog::Mark mark = HyperLogLog::MarkOf(std::to_string(count));
    sparse.Raise(mark);
    dense.Raise(mark);
    if (count < checkpoint) continue;
    checkpoint *= 10;
    HyperLogLog::Registers registers = {};
    HyperLogLog::Registers others = {};
    if (!storage::MergeRegisters(sparse_bytes, &registers) || !storage::MergeRegisters(dense_bytes, &others) ||
        registers != others) {
      return call.reply.Error("TESTFAILED sparse and dense registers differ after " + std::to_string(count) +
                              " elements");
    }
    const double estimate = static_cast<double>(storage::EstimateCount(registers));
    if (std::abs(estimate - count) > std::ceil(kErrors * kStandardError * count)) {
      return call.reply.Error("TESTFAILED " + std::to_string(count) + " elements are estimated as " +
                              std::to_string(static_cast<uint64_t>(estimate)));
    }
  }
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
     .traits = kMayReplicate,
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
    {.name = "pfdebug",
     .arity = 3,
     .flags = kWrite | kDenyOom | kAdmin,
     .keys = OneKey(kKeyRW | kKeyAccess, 2),
     .group = Group::kHyperLogLog,
     .since = "2.8.9",
     .complexity = "O(N) in the number of registers",
     .syntax = "subcommand key",
     .summary = "Shows the form of a HyperLogLog (ENCODING, DECODE, GETREG), or makes it dense (TODENSE).",
     .run = Data(PfDebug)},
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
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin,
     .group = Group::kHyperLogLog,
     .since = "2.8.9",
     .complexity = "some milliseconds",
     .summary = "Tests the implementation of HyperLogLogs.",
     .run = Data(PfSelfTest)},
};
static_assert(RowsAreSound(kHyperLogLogCommands));

}  // namespace

std::span<const Command> HyperLogLogCommands() { return kHyperLogLogCommands; }

}  // namespace ringkv::server
