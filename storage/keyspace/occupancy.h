// SPDX-License-Identifier: MIT
// The partitions of each database that have keys, those that have keys with an expiry, and those with such keys or
// hashes whose fields expire. Visits of a whole database skip the others.
//
// Threads: atomic. The bits of a partition change under its lock and are exact for a thread that holds it; other
// threads may read slightly stale bits.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "storage/base/db_index.h"
#include "storage/base/mutex.h"
#include "storage/base/position.h"
#include "storage/base/random.h"

namespace ringkv::storage {

class PartitionSet {
 public:
  static constexpr size_t kWords = kPartitions / 64;

  PartitionSet() = default;
  explicit PartitionSet(const std::array<uint64_t, kWords>& words) : words_(words) {}

  bool Contains(size_t partition) const { return (words_[partition / 64] >> (partition % 64) & 1) != 0; }
  size_t size() const {
    size_t size = 0;
    for (const uint64_t word : words_) size += static_cast<size_t>(std::popcount(word));
    return size;
  }
  // The first partition from `from` on; kPartitions if there is none.
  size_t Next(size_t from) const {
    for (size_t i = from / 64; i < kWords; ++i) {
      const uint64_t word = i == from / 64 ? words_[i] & (~uint64_t{0} << (from % 64)) : words_[i];
      if (word != 0) return i * 64 + static_cast<size_t>(std::countr_zero(word));
    }
    return kPartitions;
  }
  // A uniformly random partition; the set must not be empty.
  size_t Pick(Random& random) const {
    constexpr int kTries = 8;  // enough for a set that is not sparse
    for (int i = 0; i < kTries; ++i) {
      const size_t picked = random.Below(kPartitions);
      if (Contains(picked)) return picked;
    }
    size_t picked = Next(0);
    for (uint64_t left = random.Below(size()); left > 0; --left) picked = Next(picked + 1);
    return picked;
  }

 private:
  std::array<uint64_t, kWords> words_{};
};

class Occupancy {
 public:
  explicit Occupancy(DbIndex databases)
      : databases_(databases),
        sets_(std::make_unique<Sets[]>(databases)),
        used_(std::make_unique<std::atomic<uint64_t>[]>(databases / 64 + 1)) {}

  // Whether a database has such keys in a partition.
  struct Bits {
    bool keys = false;
    bool volatile_keys = false;
    bool due_keys = false;  // or hashes with fields that expire
  };
  // Call under the partition's lock.
  void Note(DbIndex db, size_t partition, const Bits& has) {
    if (Put(sets_[db].keys, partition, has.keys) && has.keys) Put(used_.get(), db, true);
    Put(sets_[db].volatile_keys, partition, has.volatile_keys);
    Put(sets_[db].due_keys, partition, has.due_keys);
  }
  // Clears the bits of a database. Call under the locks of all partitions.
  void NoteUnused(DbIndex db) { Put(used_.get(), db, false); }
  bool IsUsed(DbIndex db) const { return NextUsed(db) == db; }

  PartitionSet With(DbIndex db, bool volatile_only = false) const {
    const Words& words = volatile_only ? sets_[db].volatile_keys : sets_[db].keys;
    std::array<uint64_t, PartitionSet::kWords> copy;
    for (size_t i = 0; i < copy.size(); ++i) copy[i] = words[i].load(std::memory_order_acquire);
    return PartitionSet(copy);
  }
  // Partitions with keys that have an expiry, or fields that do, in any database.
  PartitionSet WithDueKeys() const {
    std::array<uint64_t, PartitionSet::kWords> all{};
    ForEachUsed([&](DbIndex db) {
      for (size_t i = 0; i < all.size(); ++i) all[i] |= sets_[db].due_keys[i].load(std::memory_order_acquire);
    });
    return PartitionSet(all);
  }
  // The first database from `from` on that had a key since its last flush; databases() if there is none.
  DbIndex NextUsed(DbIndex from) const {
    for (size_t i = from / 64; i <= databases_ / 64; ++i) {
      uint64_t word = used_[i].load(std::memory_order_acquire);
      if (i == from / 64) word &= ~uint64_t{0} << (from % 64);
      if (word != 0) return static_cast<DbIndex>(i * 64 + static_cast<size_t>(std::countr_zero(word)));
    }
    return databases_;
  }
  // `visit(db)` for each of those.
  template <typename Visitor>
  void ForEachUsed(Visitor&& visit) const {
    for (DbIndex db = NextUsed(0); db < databases_; db = NextUsed(static_cast<DbIndex>(db + 1))) visit(db);
  }
  DbIndex databases() const { return databases_; }

 private:
  using Words = std::array<std::atomic<uint64_t>, PartitionSet::kWords>;
  struct alignas(64) Sets {
    Words keys{};
    Words volatile_keys{};
    Words due_keys{};
  };

  // Writes only changed words, because all threads read them frequently. Returns whether it changed.
  template <typename AnyWords>
  static bool Put(AnyWords&& words, size_t bit, bool value) {
    std::atomic<uint64_t>& word = words[bit / 64];
    const uint64_t mask = uint64_t{1} << (bit % 64);
    if (((word.load(std::memory_order_relaxed) & mask) != 0) == value) return false;
    if (value) {
      word.fetch_or(mask, std::memory_order_release);
    } else {
      word.fetch_and(~mask, std::memory_order_release);
    }
    return true;
  }

  const DbIndex databases_;
  const std::unique_ptr<Sets[]> sets_;
  const std::unique_ptr<std::atomic<uint64_t>[]> used_;  // by database
};

}  // namespace ringkv::storage
