// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_loader.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "storage/allocator.h"

namespace ringkv::storage {
namespace {

// What the threads share.
struct Loading {
  Loading(const SnapshotReader& snapshot_in, Store& store_in) : snapshot(snapshot_in), store(store_in) {}

  const SnapshotReader& snapshot;
  Store& store;
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> keys{0};
  std::atomic<bool> has_failed{false};
  Mutex mutex;
  std::vector<BlockRun> runs GUARDED_BY(mutex);
  Status status GUARDED_BY(mutex);
};

// Says what is wrong with the run, or nothing.
std::string LoadRun(ByteReader& reader, Store& store, uint64_t* keys, BlockRun* run) {
  *run = DecodeRun(&reader);
  const Position first{run->first};
  const bool in_one_partition = run->end > run->first && Position{run->end - 1}.partition() == first.partition();
  if (!reader.ok() || run->end > kPositions || !in_one_partition) return "a run has impossible bounds";
  Partition& partition = store.partition(first.partition());
  MutexLock lock(partition.mutex);
  for (uint64_t number = reader.Varint(); number != 0; number = reader.Varint()) {
    const uint64_t db = number - 1;
    if (db >= store.databases()) {
      return "it has keys in database " + std::to_string(db) + ", and databases is " +
             std::to_string(store.databases());
    }
    std::unique_ptr<Table>& table = partition.tables[db];
    if (table == nullptr) table = std::make_unique<Table>();
    const uint64_t count = reader.Varint();
    for (uint64_t i = 0; i < count; ++i) {
      const BlockEntry entry = DecodeEntry(&reader);
      if (!reader.ok()) return "a block ends within an entry";
      const Position position = PositionOf(entry.key, store.hash_seed());
      if (position.value < run->first || position.value >= run->end) return "a key stands in a block of others";
      table->Insert(position.local(),
                    MutableEntry::Create(entry.key, entry.value, entry.expiry, entry.form, entry.access));
    }
    *keys += count;
  }
  return reader.ok() ? "" : "a block is cut short";
}

Status LoadBlock(Loading& loading, const SnapshotReader::IndexedSection& section, BlockDecompressor& decompressor) {
  const Result<std::string> raw = loading.snapshot.ReadBody(section, decompressor);
  if (!raw) return tl::unexpected(raw.error());
  ByteReader reader(*raw);
  uint64_t keys = 0;
  std::vector<BlockRun> runs;
  while (!reader.AtEnd()) {
    const std::string wrong = LoadRun(reader, loading.store, &keys, &runs.emplace_back());
    if (!wrong.empty()) return loading.snapshot.Damaged(section.offset, wrong);
  }
  loading.keys.fetch_add(keys, std::memory_order_relaxed);
  MutexLock lock(loading.mutex);
  loading.runs.insert(loading.runs.end(), runs.begin(), runs.end());
  return {};
}

void LoadSome(Loading& loading, const std::function<void(size_t)>& after_each) {
  BlockDecompressor decompressor;
  const auto& sections = loading.snapshot.sections();
  while (!loading.has_failed) {
    const size_t i = loading.next.fetch_add(1);
    if (i >= sections.size()) return;
    if (sections[i].section.kind != SectionKind::kBlock) continue;
    if (Status loaded = LoadBlock(loading, sections[i], decompressor); !loaded) {
      loading.has_failed = true;
      MutexLock lock(loading.mutex);
      loading.status = loaded;
      return;
    }
    after_each(i);
  }
}

}  // namespace

bool RunMap::Build(std::vector<BlockRun> runs) {
  runs_ = std::move(runs);
  std::sort(runs_.begin(), runs_.end(), [](const BlockRun& a, const BlockRun& b) { return a.first < b.first; });
  uint64_t expected = 0;
  for (const BlockRun& run : runs_) {
    if (run.first != expected) return false;
    expected = run.end;
    highest_ = std::max(highest_, run.lsn);
  }
  return expected == kPositions;
}

Lsn RunMap::LsnAt(Position position) const {
  if (runs_.empty()) return 0;
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), position.value,
                                       [](uint64_t value, const BlockRun& run) { return value < run.first; });
  return std::prev(behind)->lsn;
}

Result<RunMap> LoadBlocks(const SnapshotReader& snapshot, Store& store, size_t threads, const LoadProgress& progress) {
  Loading loading(snapshot, store);
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) {
    others.emplace_back([&loading] {
      CountMemoryOfThisThread();
      LoadSome(loading, [](size_t) {});
    });
  }
  LoadSome(loading,
           [&](size_t i) { progress(static_cast<double>(i) / static_cast<double>(snapshot.sections().size())); });
  for (std::thread& other : others) other.join();
  MutexLock lock(loading.mutex);
  if (!loading.status) return tl::unexpected(loading.status.error());
  if (loading.keys != snapshot.end().keys) {
    return snapshot.Damaged(snapshot.file_bytes(), "its blocks hold " + std::to_string(loading.keys) +
                                                       " keys, its end section says " +
                                                       std::to_string(snapshot.end().keys));
  }
  RunMap map;
  if (!map.Build(std::move(loading.runs))) return snapshot.Damaged(0, "its blocks don't cover the keyspace");
  return map;
}

}  // namespace ringkv::storage
