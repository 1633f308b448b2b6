// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_loader.h"

#include <atomic>
#include <thread>

#include "storage/base/allocator.h"
#include "storage/snapshot/run_loader.h"

namespace ringkv::storage {
namespace {

// What the threads share.
struct Loading {
  Loading(const SnapshotReader& snapshot_in, Store& store_in)
      : snapshot(snapshot_in), placement(snapshot_in.placement()), store(store_in) {}

  const SnapshotReader& snapshot;
  const Placement placement;
  Store& store;
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> keys{0};
  std::atomic<bool> has_failed{false};
  Mutex mutex;
  std::vector<BlockRun> runs GUARDED_BY(mutex);
  Status status GUARDED_BY(mutex);
};

Status LoadBlock(Loading& loading, const SnapshotReader::IndexedSection& section, BlockDecompressor& decompressor) {
  const Result<std::string> raw = loading.snapshot.ReadBody(section, decompressor);
  if (!raw) return tl::unexpected(raw.error());
  ByteReader reader(*raw);
  uint64_t keys = 0;
  std::vector<BlockRun> runs;
  while (!reader.AtEnd()) {
    const std::string wrong = LoadRun(reader, loading.placement, loading.store, &keys, &runs.emplace_back());
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

Status LoadNode(const SnapshotReader& snapshot, Store& store) {
  BlockDecompressor decompressor;
  for (const SnapshotReader::IndexedSection& section : snapshot.sections()) {
    const bool is_ledger = section.section.kind == SectionKind::kLedger;
    if (!is_ledger && section.section.kind != SectionKind::kLibraries) continue;
    const Result<std::string> body = snapshot.ReadBody(section, decompressor);
    if (!body) return tl::unexpected(body.error());
    if (is_ledger) {
      store.ledger().Replace(*body);
      continue;
    }
    LibrarySet libraries;
    if (!DecodeLibraries(*body, &libraries)) return snapshot.Damaged(section.offset, "its libraries are invalid");
    store.libraries().Replace({.set = std::make_shared<const LibrarySet>(std::move(libraries))});
  }
  return {};
}

}  // namespace

Result<RunMap> LoadBlocks(const SnapshotReader& snapshot, Store& store, size_t threads, const LoadProgress& progress) {
  if (Status loaded = LoadNode(snapshot, store); !loaded) return tl::unexpected(loaded.error());
  Loading loading(snapshot, store);
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) {
    others.emplace_back([&loading] {
      CountMemoryOfThisThread();
      LoadSome(loading, [](size_t) {});
    });
  }
  LoadSome(loading, [&](size_t i) {
    progress(static_cast<double>(i) / static_cast<double>(snapshot.sections().size()), loading.keys);
  });
  for (std::thread& other : others) other.join();
  MutexLock lock(loading.mutex);
  if (!loading.status) return tl::unexpected(loading.status.error());
  if (loading.keys != snapshot.end().keys) {
    return snapshot.Damaged(snapshot.file_bytes(), "its blocks hold " + std::to_string(loading.keys) +
                                                       " keys, its end section says " +
                                                       std::to_string(snapshot.end().keys));
  }
  RunMap map;
  if (!map.Build(std::move(loading.runs), loading.placement))
    return snapshot.Damaged(0, "its blocks don't cover the keyspace");
  return map;
}

}  // namespace ringkv::storage
