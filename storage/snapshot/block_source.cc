// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_source.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "storage/checksum.h"

namespace ringkv::storage {
namespace {

// Blocks are closed when they have so many bytes: enough for zstd to find what repeats.
constexpr size_t kBlockBytes = 256 * 1024;
constexpr uint64_t kPartitionEnd = uint64_t{1} << 32;
constexpr size_t kKeysAtOnce = 64;  // about so many are copied under one lock

}  // namespace

double BlockSource::progress() const {
  return static_cast<double>(std::min(next_partition_.load(std::memory_order_relaxed), kPartitions)) / kPartitions;
}

uint64_t BlockSource::StretchEnd(const Partition& partition, uint64_t at) {
  uint64_t end = kPartitionEnd;
  for (const auto& table : partition.tables) {
    if (table == nullptr) continue;
    const Table::Stretch stretch = table->StretchAt(static_cast<uint32_t>(at));
    // Hashes are spread evenly: an equal part of the stretch holds about an equal part of its keys.
    const uint64_t width = (uint64_t{1} << 32) >> stretch.segment->depth();
    const uint64_t part = std::max<uint64_t>(width / std::bit_ceil(stretch.segment->size() / kKeysAtOnce + 1), 1);
    end = std::min(end, at / part * part + part);
  }
  return end;
}

uint64_t BlockSource::CopyStretch(size_t partition_index, uint64_t at, std::string* raw, uint32_t* keys) {
  Partition& partition = store_.partition(partition_index);
  std::vector<const Entry*> entries;
  const auto gather = [&](DbIndex db, uint64_t end) REQUIRES(partition.mutex) {
    partition.tables[db]->StretchAt(static_cast<uint32_t>(at)).segment->ForEach([&](const Slot& slot) {
      if (slot.local_position() >= at && slot.local_position() < end) entries.push_back(slot.entry());
    });
  };
  {
    // First only bring the entries near, so that the lock is held for a few microseconds when they are copied.
    MutexLock lock(partition.mutex);
    const uint64_t end = StretchEnd(partition, at);
    for (DbIndex db = 0; db < partition.tables.size(); ++db) {
      if (partition.tables[db] != nullptr) gather(db, end);
    }
  }
  for (const Entry* entry : entries) {  // which may be gone by now: a prefetch of whatever address does no harm
    __builtin_prefetch(entry);
    __builtin_prefetch(reinterpret_cast<const char*>(entry) + 64);
  }
  MutexLock lock(partition.mutex);
  const uint64_t end = StretchEnd(partition, at);
  const uint64_t base = static_cast<uint64_t>(partition_index) << 32;
  EncodeRun(raw, {.first = base + at, .end = base + end, .lsn = store_.log().appended()});
  for (DbIndex db = 0; db < partition.tables.size(); ++db) {
    if (partition.tables[db] == nullptr) continue;
    entries.clear();
    gather(db, end);
    if (entries.empty()) continue;
    PutVarint(raw, uint64_t{db} + 1);
    PutVarint(raw, entries.size());
    for (const Entry* entry : entries) EncodeEntry(raw, *entry);
    *keys += static_cast<uint32_t>(entries.size());
  }
  PutVarint(raw, 0);
  return end;
}

bool BlockSource::NextBlock(Cursor& cursor) {
  cursor.raw.clear();
  cursor.keys = 0;
  while (cursor.raw.size() < kBlockBytes) {
    if (cursor.at == kPartitionEnd) {
      cursor.partition = next_partition_.fetch_add(1);
      if (cursor.partition >= kPartitions) break;
      cursor.at = 0;
    }
    cursor.at = CopyStretch(cursor.partition, cursor.at, &cursor.raw, &cursor.keys);
  }
  return !cursor.raw.empty();
}

Section BlockSource::Cursor::Seal(std::string_view* body) {
  Section section{.kind = SectionKind::kBlock, .keys = keys, .raw_bytes = raw.size()};
  *body = raw;
  if (compressor.Compress(raw, &compressed)) {
    section.codec = Codec::kZstd;
    *body = compressed;
  }
  section.stored_bytes = body->size();
  section.body_checksum = Checksum(*body);
  return section;
}

void BlockSource::Cursor::Shrink() {
  if (raw.capacity() <= 8 * kBlockBytes) return;
  std::string().swap(raw);
  std::string().swap(compressed);
}

}  // namespace ringkv::storage
