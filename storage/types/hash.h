// SPDX-License-Identifier: MIT
// Hashes: fields with values, of which each may expire. Small ones are packed, in the order of insertion.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/effects/effect_result.h"
#include "storage/effects/effects.h"
#include "storage/table/member_table.h"
#include "storage/table/value_edit.h"
#include "storage/types/hash_fields.h"
#include "storage/types/random_picks.h"

namespace ringkv::storage {

class LargeHash : public LargeValue {
 public:
  explicit LargeHash(uint64_t seed, size_t expected = 0) : fields(seed, expected) {}
  size_t size() const override { return fields.size(); }
  size_t bytes() const override { return fields.bytes(); }
  UnixMs NextFieldExpiry() const override { return fields.NextExpiry(); }
  void Pack(std::string* out) const override;

  MemberTable fields;
};

// Makes a large hash of a packed one.
std::unique_ptr<LargeHash> EnlargeHash(std::string_view packed, bool has_field_expiry, const TypeLimits& limits);

// A read-only view of a hash; valid until it changes. Fields that have expired are hidden.
class HashView {
 public:
  // `entry`: null is an empty hash. `hides_until`: fields with an expiry up to it are hidden.
  explicit HashView(const Entry* entry, UnixMs hides_until = kNoExpiry) : entry_(entry), hides_until_(hides_until) {}

  // With hidden fields.
  size_t size() const;
  // Whether fields may be hidden.
  bool MayHide() const {
    return entry_ != nullptr && entry_->has_field_expiry() && NextFieldExpiry(*entry_) <= hides_until_;
  }
  // Without hidden fields; looks at all if there may be some.
  size_t CountShown() const;
  std::optional<HashField> FindField(std::string_view name) const;
  std::optional<std::string_view> Find(std::string_view name) const {
    const std::optional<HashField> found = FindField(name);
    return found ? std::optional(found->value) : std::nullopt;
  }

  // Calls `visit(const HashField&)` for all fields.
  template <typename Visitor>
  void ForEachField(Visitor&& visit) const {
    if (entry_ == nullptr) return;
    if (is_large()) return large().fields.ForEach([&](const Entry& each) { Show(FieldOf(each), visit); });
    for (PackedFields fields(entry_->value(), entry_->has_field_expiry()); !fields.AtEnd();) Show(fields.Next(), visit);
  }
  // Calls `visit(field, value)` for all fields.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    ForEachField([&](const HashField& field) { visit(field.name, field.value); });
  }
  // Visits about `count` fields from `cursor` on, or all fields of a packed hash. Returns the next cursor.
  template <typename Visitor>
  uint64_t Scan(uint64_t cursor, size_t count, Visitor&& visit) const {
    const auto show = [&](const HashField& field) { visit(field.name, field.value); };
    if (is_large()) {
      return large().fields.Scan(cursor, count, [&](const Entry& each) { Show(FieldOf(each), show); });
    }
    ForEachField(show);
    return 0;
  }
  // A random field. None if those few that it looks at are hidden, or there is none at all. `looks`: raised by their
  // number.
  std::optional<HashField> TryPick(Random& random, size_t* looks = nullptr) const;
  // `count` distinct random fields, of which there is at least three times the number with hidden ones; looks at a few
  // more than that. None if too many of them are hidden. `looks`: as above.
  std::optional<std::vector<HashField>> TryPickDistinct(Random& random, size_t count, size_t* looks = nullptr) const;
  // Visits `count` random fields, of which some may be the same; one must be shown. Looks at all only if most are
  // hidden.
  template <typename Visitor>
  void PickRepeated(Random& random, uint64_t count, Visitor&& visit) const {
    std::vector<HashField> shown;
    for (; count > 0; --count) {
      std::optional<HashField> picked;
      if (shown.empty()) picked = TryPick(random);
      if (!picked && shown.empty()) shown = Shown();
      Visit(picked ? *picked : shown[random.Below(shown.size())], visit);
    }
  }
  // Visits `count` distinct random fields; so many must be shown.
  template <typename Visitor>
  void PickDistinct(Random& random, size_t count, Visitor&& visit) const {
    const bool may_hide = MayHide();
    if (is_large() && !may_hide && count * 3 <= size()) {
      return large().fields.PickDistinct(random, count, [&](const Entry& each) { Visit(FieldOf(each), visit); });
    }
    const std::vector<size_t> numbers = DistinctNumbers(random, count, may_hide ? CountShown() : size());
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
  bool Hides(const HashField& field) const { return field.expiry != kNoExpiry && field.expiry <= hides_until_; }
  static HashField FieldOf(const Entry& member) { return {member.key(), member.value(), member.expiry()}; }
  template <typename Visitor>
  void Show(const HashField& field, Visitor& visit) const {
    if (!Hides(field)) visit(field);
  }
  template <typename Visitor>
  static void Visit(const HashField& field, Visitor& visit) {
    visit(field.name, field.value);
  }
  std::vector<HashField> Shown() const;
  // Of all fields, hidden or not; there must be one.
  HashField PickStored(Random& random) const;

  const Entry* entry_;
  UnixMs hides_until_;
};

// Adds the names of up to `most` fields that have expired by `now` to `names`; the caller erases them. May leave some
// out, of which NextFieldExpiry tells. Returns the effort, in fields.
size_t GatherExpiredFields(const Entry& hash, UnixMs now, size_t most, TextList* names);

EffectResult Apply(ValueEdit& edit, const HashPut& effect);
EffectResult Apply(ValueEdit& edit, const HashFieldExpirySet& effect);
EffectResult Apply(ValueEdit& edit, const HashFieldExpire& effect);
EffectResult Apply(ValueEdit& edit, const HashErase& effect);

}  // namespace ringkv::storage
