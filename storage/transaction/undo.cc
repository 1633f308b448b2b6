// SPDX-License-Identifier: MIT
#include "storage/transaction/undo.h"

#include "storage/base/check.h"
#include "storage/edit/mutable_entry.h"
#include "storage/types/collection.h"

namespace ringkv::storage {
namespace {

constexpr size_t kLargestKept = 4096;
constexpr size_t kMostBytesKept = 1024 * 1024;

MutableEntry* CopyOf(const Entry& entry, const TypeLimits& limits) {
  if (!entry.kind().is_large()) {
    return MutableEntry::Create(entry.key(), entry.value(), entry.expiry(), entry.kind(), entry.access());
  }
  std::string packed;
  const CollectionPut put{PackedKind(entry), PackedValue(entry, &packed), entry.expiry()};
  return MakeEntry(entry.key(), put, limits, entry.access());
}

}  // namespace

void Undo::Clear() {
  for (auto& [name, kept] : kept_) {
    if (kept.before != nullptr) MutableEntry::Free(kept.before);
  }
  kept_.clear();
  changes_.clear();
  last_ = nullptr;
  bytes_ = 0;
}

bool Undo::MayKeep(const Entry* before) const {
  if (bytes_ > kMostBytesKept) return false;
  return before == nullptr || (!before->kind().is_large() && before->TotalSize() <= kLargestKept);
}

Undo::Map::value_type* Undo::Find(DbIndex db, std::string_view key) {
  if (last_ != nullptr && last_->first.db == db && last_->first.key == key) return last_;
  const auto found = kept_.find(View(db, key));
  if (found == kept_.end()) return nullptr;
  return last_ = &*found;
}

bool Undo::Has(DbIndex db, std::string_view key) { return Find(db, key) != nullptr; }

void Undo::Keep(DbIndex db, std::string_view key, const Entry* before, const TypeLimits& limits) {
  MutableEntry* copy = before == nullptr ? nullptr : CopyOf(*before, limits);
  const auto [kept, is_new] = kept_.emplace(Name{db, std::string(key)}, Kept{.before = copy});
  RINGKV_CHECK(is_new);
  last_ = &*kept;
  bytes_ += sizeof *kept + key.size() + (copy == nullptr ? 0 : copy->MemorySize());
}

void Undo::NoteChange(DbIndex db, std::string_view key, KeyChange change) {
  Map::value_type* kept = Find(db, key);
  RINGKV_CHECK(kept != nullptr);
  ++kept->second.changes;
  const uint32_t bit = 1u << static_cast<unsigned>(change);
  if ((kept->second.noted & bit) != 0) return;
  kept->second.noted |= bit;
  changes_.emplace_back(kept, change);
}

}  // namespace ringkv::storage
