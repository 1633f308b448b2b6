// SPDX-License-Identifier: MIT
// The cursor is a position in the order of the hash, as in a walk, and an index only yields positions: so each
// partition may be walked or looked up, whatever is at hand and cheaper, and an index may come and go between two
// calls.
#include "storage/transaction/search.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "storage/index/table_index.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"

namespace ringkv::storage {
namespace {

// So many candidates may be gathered from a partition for each key that the call may still yield, and at any rate.
constexpr size_t kCandidatesAKey = 8;
constexpr size_t kCandidatesAtLeast = 4096;

// What one search carries from partition to partition.
struct SearchStep {
  const KeyPattern& pattern;
  size_t budget;
  std::vector<uint32_t> candidates = {};
  std::array<bool, kDirections> used = {};
};

void VisitExact(Txn& txn, DbIndex db, std::string_view key, uint64_t cursor, const KeyVisitor& visit) {
  const Position position = PositionOf(key, txn.store().placement());
  if (position.value < cursor) return;
  WithPartition(txn, position.partition(), [&](Partition& partition) {
    partition.mutex.AssertHeld();
    const Table* table = partition.tables[db].get();
    if (table == nullptr) return;
    const Cell* cell = table->SegmentFor(position.local())->Find(key, position.local());
    if (cell != nullptr && !IsHidden(txn, partition, *cell)) visit(*cell->entry());
  });
}

// Requests an index for a search that would gain from it.
void AskForIndex(Txn& txn, DbIndex db, const KeyPattern& pattern) {
  IndexPolicy& policy = txn.store().index_policy();
  const Direction direction = pattern.prefix.empty() ? Direction::kBackward : Direction::kForward;
  if (policy.mode() != IndexMode::kAuto || policy.IsWanted(direction, txn.store().clock().SteadyMs())) return;
  if (SizeOf(txn, db).keys < IndexPolicy::kFewestKeys) return;
  // If many keys match, a walk is as fast as an index.
  constexpr size_t kSample = 32;
  size_t matches = 0;
  for (size_t i = 0; i < kSample; ++i) {
    Sample(txn, db, 1, false, [&](Position, const Entry& entry) {
      matches += entry.key().starts_with(pattern.prefix) && entry.key().ends_with(pattern.suffix) ? 1 : 0;
    });
  }
  if (matches < kSample / 4) policy.Ask(direction, txn.store().clock().SteadyMs());
}

// All positions in the table that the pattern allows, if an index yields them at a fit price.
bool GatherCandidates(const Table& table, SearchStep* step) {
  // Where a good part of all keys match, walking past the others costs less than looking each one up.
  const size_t most =
      std::min(std::max(kCandidatesAtLeast,
                        step->budget > SIZE_MAX / kCandidatesAKey ? SIZE_MAX : step->budget * kCandidatesAKey),
               table.keys() / 4 + 1);
  for (const Direction direction : kBothDirections) {
    const std::string& literal = direction == Direction::kForward ? step->pattern.prefix : step->pattern.suffix;
    const TableIndex* index = table.index(direction);
    if (literal.empty() || index == nullptr || !index->is_ready()) continue;
    step->candidates.clear();
    if (!index->Collect(literal, most, &step->candidates)) continue;
    step->used[static_cast<size_t>(direction)] = true;
    return true;
  }
  return false;
}

bool SearchPartition(Txn& txn, Partition& partition, DbIndex db, uint32_t from, SearchStep* step,
                     const KeyVisitor& visit, uint64_t* next) REQUIRES(partition.mutex) {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  if (!GatherCandidates(*table, step)) return WalkPartition(txn, partition, db, from, &step->budget, visit, next);
  std::vector<uint32_t>& candidates = step->candidates;
  std::sort(candidates.begin(), candidates.end());
  for (auto at = std::lower_bound(candidates.begin(), candidates.end(), from); at != candidates.end(); ++at) {
    table->VisitAt(*at, [&](const Cell& cell) {
      partition.mutex.AssertHeld();
      if (!IsHidden(txn, partition, cell)) visit(*cell.entry());
    });
    if (--step->budget > 0) continue;
    *next = uint64_t{*at} + 1;
    return true;
  }
  return false;
}

}  // namespace

uint64_t Search(Txn& txn, DbIndex db, const KeyPattern& pattern, uint64_t cursor, size_t count,
                const KeyVisitor& visit) {
  if (cursor >= kPositions) return 0;
  if (pattern.is_exact) {
    VisitExact(txn, db, pattern.prefix, cursor, visit);
    return 0;
  }
  if (!pattern.has_literal()) return Walk(txn, db, cursor, count, visit);
  if (cursor == 0) AskForIndex(txn, db, pattern);
  SearchStep step{.pattern = pattern, .budget = std::max<size_t>(count, 1)};
  const uint64_t next = VisitPartitions(txn, db, cursor, [&](Partition& partition, uint32_t from, uint64_t* behind) {
    partition.mutex.AssertHeld();
    return SearchPartition(txn, partition, db, from, &step, visit, behind);
  });
  for (const Direction direction : kBothDirections) {
    if (step.used[static_cast<size_t>(direction)])
      txn.store().index_policy().NoteAnswer(direction, txn.store().clock().SteadyMs());
  }
  return next;
}

}  // namespace ringkv::storage
