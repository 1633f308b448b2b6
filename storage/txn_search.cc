// SPDX-License-Identifier: MIT
// Searches by pattern. The cursor is a position in the order of the hash, as in a walk, and an index only yields
// positions: so each partition may be walked or looked up, whatever is at hand and cheaper, and an index may come and
// go between two calls.
#include <algorithm>

#include "storage/index/table_index.h"
#include "storage/txn.h"

namespace ringkv::storage {
namespace {

// So many candidates may be gathered from a partition for each key that the call may still yield, and at any rate.
constexpr size_t kCandidatesAKey = 8;
constexpr size_t kCandidatesAtLeast = 4096;

}  // namespace

uint64_t Txn::Search(DbIndex db, const KeyPattern& pattern, uint64_t cursor, size_t count, const Visitor& visit) {
  if (cursor >= kPositions) return 0;
  if (pattern.is_exact) {
    VisitExact(db, pattern.prefix, cursor, visit);
    return 0;
  }
  if (!pattern.has_literal()) return Walk(db, cursor, count, visit);
  if (cursor == 0) AskForIndex(db, pattern);
  SearchStep step{.pattern = pattern, .budget = std::max<size_t>(count, 1)};
  const uint64_t next = VisitPartitions(db, cursor, [&](Partition& partition, uint32_t from, uint64_t* behind) {
    return SearchPartition(partition, db, from, &step, visit, behind);
  });
  for (const Direction direction : kBothDirections) {
    if (step.used[static_cast<size_t>(direction)])
      store_.index_policy().NoteAnswer(direction, store_.clock().SteadyMs());
  }
  return next;
}

void Txn::VisitExact(DbIndex db, std::string_view key, uint64_t cursor, const Visitor& visit) {
  const Position position = PositionOf(key, store_.placement());
  if (position.value < cursor) return;
  WithPartition(position.partition(), [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
    const Table* table = partition.tables[db].get();
    if (table == nullptr) return;
    const Slot* slot = table->SegmentFor(position.local())->Find(key, position.local());
    if (slot != nullptr && !IsHidden(partition, *slot)) visit(*slot->entry());
  });
}

// A search that would gain from an index that nobody has asked for asks for it.
void Txn::AskForIndex(DbIndex db, const KeyPattern& pattern) {
  IndexPolicy& policy = store_.index_policy();
  const Direction direction = pattern.prefix.empty() ? Direction::kBackward : Direction::kForward;
  if (policy.mode() != IndexMode::kAuto || policy.IsWanted(direction, store_.clock().SteadyMs())) return;
  if (SizeOf(db).keys < IndexPolicy::kFewestKeys) return;
  // What a good part of all keys match is walked in any case.
  constexpr size_t kSample = 32;
  size_t matches = 0;
  for (size_t i = 0; i < kSample; ++i) {
    Sample(db, 1, false, [&](Position, const Entry& entry) {
      matches += entry.key().starts_with(pattern.prefix) && entry.key().ends_with(pattern.suffix) ? 1 : 0;
    });
  }
  if (matches < kSample / 4) policy.Ask(direction, store_.clock().SteadyMs());
}

bool Txn::SearchPartition(Partition& partition, DbIndex db, uint32_t from, SearchStep* step, const Visitor& visit,
                          uint64_t* next) NO_THREAD_SAFETY_ANALYSIS {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  if (!GatherCandidates(*table, step)) return WalkPartition(partition, db, from, &step->budget, visit, next);
  std::vector<uint32_t>& candidates = step->candidates;
  std::sort(candidates.begin(), candidates.end());
  for (auto at = std::lower_bound(candidates.begin(), candidates.end(), from); at != candidates.end(); ++at) {
    table->VisitAt(*at, [&](const Slot& slot) {
      if (!IsHidden(partition, slot)) visit(*slot.entry());
    });
    if (--step->budget > 0) continue;
    *next = uint64_t{*at} + 1;
    return true;
  }
  return false;
}

bool Txn::GatherCandidates(const Table& table, SearchStep* step) {
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

IndexReport Txn::ReportIndexes(Direction direction) {
  IndexReport report;
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      store_.occupancy().ForEachUsed([&](DbIndex db) NO_THREAD_SAFETY_ANALYSIS {
        const Table* table = partition.tables[db].get();
        if (table == nullptr || table->keys() == 0) return;
        ++report.tables;
        const TableIndex* index = table->index(direction);
        if (index == nullptr) return;
        ++report.begun;
        report.ready += index->is_ready() ? 1 : 0;
        report.keys += index->keys();
        report.bytes += index->Bytes();
      });
    });
  }
  return report;
}

}  // namespace ringkv::storage
