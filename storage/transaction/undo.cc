// SPDX-License-Identifier: MIT
#include "storage/transaction/undo.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/edit/mutable_entry.h"
#include "storage/types/collection.h"

namespace ringkv::storage {
namespace {

constexpr size_t kLargestKept = 4096;
constexpr size_t kMostBytesKept = 1024 * 1024;
constexpr size_t kTextKept = 4096;  // of memory, between two transactions

MutableEntry* CopyOfLarge(const Entry& entry, const TypeLimits& limits) {
  std::string packed;
  const CollectionPut put{PackedKind(entry), PackedValue(entry, &packed), entry.expiry()};
  return MakeEntry(entry.key(), put, limits, entry.access());
}

}  // namespace

void Undo::Clear() {
  for (size_t i = 0; i < count_; ++i) {
    if (kept_[i].large != nullptr) MutableEntry::Free(std::exchange(kept_[i].large, nullptr));
    if (kept_[i].key.capacity() > kTextKept) std::string().swap(kept_[i].key);
    if (kept_[i].before.capacity() > kTextKept) std::string().swap(kept_[i].before);
  }
  if (count_ > kFew) kept_.resize(kFew);
  count_ = 0;
  index_.clear();
  changes_.clear();
  last_ = nullptr;
  bytes_ = 0;
}

bool Undo::MayKeep(const Entry* before) const {
  if (bytes_ > kMostBytesKept) return false;
  return before == nullptr || (!before->kind().is_large() && before->TotalSize() <= kLargestKept);
}

Undo::Kept* Undo::Find(DbIndex db, std::string_view key) {
  if (last_ != nullptr && last_->db == db && last_->key == key) return last_;
  Kept* const found = Search(db, key);
  if (found != nullptr) last_ = found;
  return found;
}

Undo::Kept* Undo::Search(DbIndex db, std::string_view key) {
  if (count_ > kFew) {
    const auto found = index_.find({db, key});
    return found == index_.end() ? nullptr : found->second;
  }
  for (size_t i = 0; i < count_; ++i) {
    if (kept_[i].db == db && kept_[i].key == key) return &kept_[i];
  }
  return nullptr;
}

bool Undo::Has(DbIndex db, std::string_view key) { return Find(db, key) != nullptr; }

Undo::Kept& Undo::NextKept() {
  if (count_ == kept_.size()) kept_.emplace_back();
  return kept_[count_++];
}

void Undo::Keep(DbIndex db, std::string_view key, const Entry* before, const TypeLimits& limits) {
  Kept& kept = NextKept();
  kept.db = db;
  kept.key = key;
  kept.before.clear();
  kept.counted = {};
  kept.noted = 0;
  const bool is_large = before != nullptr && before->kind().is_large();
  if (is_large) {
    kept.large = CopyOfLarge(*before, limits);
  } else if (before != nullptr) {
    kept.before.assign(reinterpret_cast<const char*>(before), before->TotalSize());
  }
  last_ = &kept;
  bytes_ += sizeof kept + key.size() + (is_large ? kept.large->MemorySize() : kept.before.size());
  if (count_ <= kFew) return;
  for (size_t i = index_.size(); i < count_; ++i) index_.emplace(Name(kept_[i].db, kept_[i].key), &kept_[i]);
}

MutableEntry* Undo::TakeBefore(Kept& kept) {
  if (kept.large != nullptr) return std::exchange(kept.large, nullptr);
  if (kept.before.empty()) return nullptr;
  const auto& before = *reinterpret_cast<const Entry*>(kept.before.data());
  return MutableEntry::Create(before.key(), before.value(), before.expiry(), before.kind(), before.access());
}

void Undo::NoteChange(DbIndex db, std::string_view key, KeyChange change) {
  Kept* const kept = Find(db, key);
  RINGKV_CHECK(kept != nullptr);
  ++kept->counted.changes;
  const uint32_t bit = 1u << static_cast<unsigned>(change);
  if ((kept->noted & bit) != 0) return;
  kept->noted |= bit;
  changes_.emplace_back(kept, change);
}

void Undo::NoteExpired(DbIndex db, std::string_view key, bool is_field) {
  Kept* const kept = Find(db, key);
  RINGKV_CHECK(kept != nullptr);
  ++(is_field ? kept->counted.expired_fields : kept->counted.expired);
}

}  // namespace ringkv::storage
