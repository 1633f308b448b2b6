// SPDX-License-Identifier: MIT
// Hashes: fields with values. Small ones are packed, in the order of insertion.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "storage/effects/effect_result.h"
#include "storage/effects/effects.h"
#include "storage/table/member_table.h"
#include "storage/table/value_edit.h"
#include "storage/types/random_picks.h"

namespace ringkv::storage {

class LargeHash : public LargeValue {
 public:
  explicit LargeHash(uint64_t seed, size_t expected = 0) : fields(seed, expected) {}
  size_t size() const override { return fields.size(); }
  size_t bytes() const override { return fields.bytes(); }
  void Pack(std::string* out) const override;

  MemberTable fields;
};

// Makes a large hash of a packed one.
std::unique_ptr<LargeHash> EnlargeHash(std::string_view packed, const TypeLimits& limits);

// A read-only view of a hash; valid until it changes.
class HashView {
 public:
  // Null: an empty hash.
  explicit HashView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  std::optional<std::string_view> Find(std::string_view field) const;

  // Calls `visit(field, value)` for all fields.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    if (entry_ == nullptr) return;
    if (entry_->kind().is_large()) {
      return large().fields.ForEach([&](const Entry& each) { visit(each.key(), each.value()); });
    }
    for (PackedReader reader(entry_->value()); !reader.AtEnd();) {
      const std::string_view field = reader.Text();
      visit(field, reader.Text());
    }
  }
  // Visits about `count` fields from `cursor` on, or all fields of a packed hash. Returns the next cursor.
  template <typename Visitor>
  uint64_t Scan(uint64_t cursor, size_t count, Visitor&& visit) const {
    if (entry_ != nullptr && entry_->kind().is_large()) {
      return large().fields.Scan(cursor, count, [&](const Entry& each) { visit(each.key(), each.value()); });
    }
    ForEach(visit);
    return 0;
  }
  // Visits a random field; the hash must not be empty.
  template <typename Visitor>
  void PickRandom(Random& random, Visitor&& visit) const {
    if (entry_->kind().is_large()) {
      const Entry& picked = large().fields.Random(random);
      return visit(picked.key(), picked.value());
    }
    uint64_t left = random.Below(size());
    ForEach([&](std::string_view field, std::string_view value) {
      if (left-- == 0) visit(field, value);
    });
  }
  // Visits `count` distinct random fields; the hash must have that many.
  template <typename Visitor>
  void PickDistinct(Random& random, size_t count, Visitor&& visit) const {
    if (is_large() && count * 3 <= size()) {
      return large().fields.PickDistinct(random, count, [&](const Entry& each) { visit(each.key(), each.value()); });
    }
    const std::vector<size_t> numbers = DistinctNumbers(random, count, size());
    size_t at = 0;
    size_t number = 0;
    ForEach([&](std::string_view field, std::string_view value) {
      if (at == numbers.size() || numbers[at] != number++) return;
      visit(field, value);
      ++at;
    });
  }
  bool is_large() const { return entry_ != nullptr && entry_->kind().is_large(); }

 private:
  const LargeHash& large() const { return static_cast<const LargeHash&>(entry_->large()); }

  const Entry* entry_;
};

EffectResult Apply(ValueEdit& edit, const HashPut& effect);
EffectResult Apply(ValueEdit& edit, const HashErase& effect);

}  // namespace ringkv::storage
