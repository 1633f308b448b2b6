// SPDX-License-Identifier: MIT
// Sets: sorted integers while all members are integers and few, packed texts while they are few and short, else a
// table.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <memory>
#include <string_view>

#include "storage/effects/effect_result.h"
#include "storage/effects/effects.h"
#include "storage/table/member_table.h"
#include "storage/table/value_edit.h"
#include "storage/types/integer_set.h"
#include "storage/types/random_picks.h"

namespace ringkv::storage {

class LargeSet : public LargeValue {
 public:
  explicit LargeSet(uint64_t seed, size_t expected = 0) : members(seed, expected) {}
  size_t size() const override { return members.size(); }
  size_t bytes() const override { return members.bytes(); }
  void Pack(std::string* out) const override;

  MemberTable members;
};

// Whether so many members are a large set, whatever they are.
bool AreManyOfSet(size_t members, const TypeLimits& limits);
// Makes a large set of packed texts.
std::unique_ptr<LargeSet> EnlargeSet(std::string_view packed, const TypeLimits& limits);

// A read-only view of a set; valid until it changes.
class SetView {
 public:
  // Null: an empty set.
  explicit SetView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  bool Contains(std::string_view member) const;

  // Calls `visit(member)` for all members.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    VisitUntil([&](std::string_view member) {
      visit(member);
      return true;
    });
  }
  // Calls `visit(member)` until it returns false.
  template <typename Visitor>
  void VisitUntil(Visitor&& visit) const {
    if (entry_ == nullptr) return;
    bool goes_on = true;
    switch (entry_->kind().form()) {
      case CollectionForm::kLarge:
        return large().members.ForEach([&](const Entry& each) { goes_on = goes_on && visit(each.key()); });
      case CollectionForm::kIntegers: {
        const IntegerSetView integers(entry_->value());
        for (size_t i = 0; goes_on && i < integers.size(); ++i) goes_on = visit(IntegerText(integers.At(i)));
        return;
      }
      case CollectionForm::kPacked:
        for (PackedReader reader(entry_->value()); goes_on && !reader.AtEnd();) goes_on = visit(reader.Text());
    }
  }
  // Visits about `count` members from `cursor` on, or all members of a small set. Returns the next cursor.
  template <typename Visitor>
  uint64_t Scan(uint64_t cursor, size_t count, Visitor&& visit) const {
    if (is_large()) return large().members.Scan(cursor, count, [&](const Entry& each) { visit(each.key()); });
    ForEach(visit);
    return 0;
  }
  // A random member; the set must not be empty.
  std::string Random(storage::Random& random) const;
  // Visits `count` random members, of which some may be the same; the set must not be empty.
  template <typename Visitor>
  void PickRepeated(storage::Random& random, size_t count, Visitor&& visit) const {
    if (is_large()) return large().members.PickRepeated(random, count, [&](const Entry& each) { visit(each.key()); });
    for (; count > 0; --count) visit(Random(random));
  }
  // Visits `count` distinct random members; the set must have that many.
  template <typename Visitor>
  void PickDistinct(storage::Random& random, size_t count, Visitor&& visit) const {
    if (is_large() && count * 3 <= size()) {
      return large().members.PickDistinct(random, count, [&](const Entry& each) { visit(each.key()); });
    }
    const std::vector<size_t> numbers = DistinctNumbers(random, count, size());
    size_t at = 0;
    size_t number = 0;
    ForEach([&](std::string_view member) {
      if (at == numbers.size() || numbers[at] != number++) return;
      visit(member);
      ++at;
    });
  }
  bool is_large() const { return entry_ != nullptr && entry_->kind().is_large(); }

 private:
  const LargeSet& large() const { return static_cast<const LargeSet&>(entry_->large()); }

  const Entry* entry_;
};

// A set under construction, outside of the keyspace.
class NewSet {
 public:
  // `key`: where it will be put, if it will. `expected` members fit without growth.
  explicit NewSet(const TypeLimits& limits, std::string_view key = {}, size_t expected = 0, UnixMs expiry = kNoExpiry);
  ~NewSet() {
    if (!is_released_) edit_.Discard();
  }
  NewSet(const NewSet&) = delete;
  NewSet& operator=(const NewSet&) = delete;

  // Whether it is new.
  bool Add(std::string_view member);
  const Entry& entry() const { return *edit_.entry(); }
  SetView view() const { return SetView(edit_.entry()); }
  // The caller owns the entry.
  MutableEntry* Release() {
    is_released_ = true;
    return edit_.mutable_entry();
  }

 private:
  ValueEdit edit_;
  bool is_released_ = false;
};

EffectResult Apply(ValueEdit& edit, const SetAdd& effect);
EffectResult Apply(ValueEdit& edit, const SetErase& effect);

}  // namespace ringkv::storage
