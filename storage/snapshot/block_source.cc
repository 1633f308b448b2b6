// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_source.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/checksum.h"

namespace ringkv::storage {
namespace {

constexpr size_t kMostKept = 4 * 1024 * 1024;  // of memory for the next block
constexpr uint64_t kPartitionEnd = uint64_t{1} << 32;
constexpr size_t kKeysAtOnce = 64;  // about so many are copied under one lock
constexpr size_t kGrowth = 3;       // what a value at most adds to a buffer that is moved to a larger one for it

}  // namespace

BlockSource::BlockSource(Store& store, const std::vector<PositionRange>& ranges, size_t block_bytes)
    : store_(store), block_bytes_(block_bytes) {
  for (const PositionRange& range : ranges) {
    for (uint64_t at = range.first; at < range.end;) {
      const uint64_t end = std::min((at / kPartitionEnd + 1) * kPartitionEnd, range.end);
      shares_.push_back({at, end});
      at = end;
    }
  }
}

double BlockSource::progress() const {
  return static_cast<double>(std::min(next_share_.load(std::memory_order_relaxed), shares_.size())) /
         static_cast<double>(std::max<size_t>(shares_.size(), 1));
}

uint64_t BlockSource::StretchEnd(const Partition& partition, uint64_t at) const {
  uint64_t end = kPartitionEnd;
  store_.occupancy().ForEachUsed([&](DbIndex db) {
    partition.mutex.AssertHeld();
    const Table* table = partition.tables[db].get();
    if (table == nullptr) return;
    const Table::Stretch stretch = table->StretchAt(static_cast<uint32_t>(at));
    // Hashes are spread evenly: an equal part of the stretch holds about an equal part of its keys.
    const uint64_t width = (uint64_t{1} << 32) >> stretch.segment->depth();
    const uint64_t part = std::max<uint64_t>(width / std::bit_ceil(stretch.segment->size() / kKeysAtOnce + 1), 1);
    end = std::min(end, at / part * part + part);
  });
  return end;
}

void BlockSource::CopyStretch(Cursor& cursor) {
  Partition& partition = store_.partition(Position{cursor.left.first}.partition());
  const uint64_t at = Position{cursor.left.first}.local();
  const uint64_t left = cursor.left.end - cursor.left.first;
  std::vector<const Entry*> entries;
  const auto gather = [&](DbIndex db, uint64_t end) REQUIRES(partition.mutex) {
    partition.tables[db]->StretchAt(static_cast<uint32_t>(at)).segment->ForEach([&](const Cell& cell) {
      if (cell.local_position() >= at && cell.local_position() < end) entries.push_back(cell.entry());
    });
  };
  {
    // First only prefetch the entries, so that the lock is held for a few microseconds when they are copied.
    LongHoldMutexLock lock(partition.mutex);
    const uint64_t end = std::min(StretchEnd(partition, at), at + left);
    store_.occupancy().ForEachUsed([&](DbIndex db) {
      partition.mutex.AssertHeld();
      if (partition.tables[db] != nullptr) gather(db, end);
    });
  }
  for (const Entry* entry : entries) {  // which may be gone by now: a prefetch of whatever address does no harm
    __builtin_prefetch(entry);
    __builtin_prefetch(reinterpret_cast<const char*>(entry) + 64);
  }
  LongHoldMutexLock lock(partition.mutex);
  const uint64_t end = std::min(StretchEnd(partition, at), at + left);
  const uint64_t behind = cursor.left.first + (end - at);
  cursor.runs.push_back({.first = cursor.left.first, .end = behind, .lsn = store_.log().appended()});
  EncodeRun(cursor.raw.plain(), cursor.runs.back());
  store_.occupancy().ForEachUsed([&](DbIndex db) {
    partition.mutex.AssertHeld();
    if (partition.tables[db] == nullptr) return;
    entries.clear();
    gather(db, end);
    if (entries.empty()) return;
    PutVarint(cursor.raw.plain(), uint64_t{db} + 1);
    PutVarint(cursor.raw.plain(), entries.size());
    for (const Entry* entry : entries) {
      if (const size_t bytes = entry->MemorySize(); bytes > block_bytes_) {
        cursor.memory->Set(cursor.HeldBytes() + kGrowth * bytes);
      }
      EncodeEntry(&cursor.raw, *entry);
    }
    cursor.keys += static_cast<uint32_t>(entries.size());
  });
  PutVarint(cursor.raw.plain(), 0);
  cursor.left.first = behind;
}

bool BlockSource::NextBlock(Cursor& cursor) {
  if (!cursor.memory) cursor.memory.emplace(store_.copies());
  cursor.raw.clear();
  cursor.keys = 0;
  cursor.runs.clear();
  while (cursor.raw.size() < block_bytes_) {
    if (cursor.left.first == cursor.left.end) {
      const size_t share = next_share_.fetch_add(1);
      if (share >= shares_.size()) break;
      cursor.left = shares_[share];
    }
    CopyStretch(cursor);
  }
  cursor.memory->Set(cursor.HeldBytes());
  return cursor.raw.size() > 0;
}

Section BlockSource::Cursor::Seal(std::string_view* body) {
  Section section{.kind = SectionKind::kBlock, .keys = keys, .raw_bytes = raw.size()};
  memory->Set(HeldBytes() + kGrowth * raw.size());
  section.codec = compressor.Compress(raw, &compressed);
  *body = section.codec == Codec::kStored ? raw.Unfolded(&unfolded) : compressed;
  section.stored_bytes = body->size();
  section.body_checksum = Checksum(*body);
  memory->Set(HeldBytes());
  return section;
}

void BlockSource::Cursor::Shrink() {
  if (HeldBytes() <= kMostKept) return;
  // An assigned empty one would keep the memory.
  FoldedBytes emptied;
  std::swap(raw, emptied);
  std::string().swap(compressed);
  std::string().swap(unfolded);
  memory->Set(HeldBytes());
}

}  // namespace ringkv::storage
