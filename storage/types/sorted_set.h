// SPDX-License-Identifier: MIT
// Sorted sets: members with scores, ordered by score and name. Small ones are packed in that order; large ones are a
// table from name to score, and a tree in that order.
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
#include "storage/types/order_tree.h"
#include "storage/types/score_code.h"

namespace ringkv::storage {

class LargeSortedSet : public LargeValue {
 public:
  explicit LargeSortedSet(uint64_t seed, size_t expected = 0) : members_(seed, expected) {}
  size_t size() const override { return members_.size(); }
  size_t bytes() const override { return members_.bytes() + order_.bytes(); }
  void Pack(std::string* out) const override;

  const MemberTable& members() const { return members_; }
  const OrderTree& order() const { return order_; }
  std::optional<double> Score(std::string_view member) const;
  EffectResult Put(std::string_view member, double score);
  bool Erase(std::string_view member);

 private:
  MemberTable members_;
  OrderTree order_;
};

// Makes a large sorted set of a packed one.
std::unique_ptr<LargeSortedSet> EnlargeSortedSet(std::string_view packed, const TypeLimits& limits);

// The score in a member's entry.
inline double ScoreIn(const Entry& member) {
  double score;
  std::memcpy(&score, member.value().data(), sizeof score);
  return score;
}

// A read-only view of a sorted set; valid until it changes.
class SortedSetView {
 public:
  // Null: an empty sorted set.
  explicit SortedSetView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  std::optional<double> Score(std::string_view member) const;
  // The rank, from 0 for the lowest score.
  std::optional<size_t> Rank(std::string_view member) const;

  // The number of members for which `is_before(score, name)` is true; it must be true for a first part of the order and
  // false after it.
  template <typename Predicate>
  size_t CountBefore(Predicate&& is_before) const {
    if (is_large()) {
      return large().order().CountBefore(
          [&](const OrderTree::Item& item) { return is_before(item.score, item.name()); });
    }
    size_t before = 0;
    VisitPacked([&](std::string_view name, double score) {
      if (!is_before(score, name)) return false;
      ++before;
      return true;
    });
    return before;
  }

  // Calls `visit(name, score)` for up to `count` members from `rank` on, forward or backward.
  template <typename Visitor>
  void VisitRange(size_t rank, size_t count, bool downwards, Visitor&& visit) const {
    if (count == 0 || rank >= size()) return;
    if (is_large()) {
      return large().order().VisitFrom(rank, downwards, [&](const OrderTree::Item& item) {
        visit(item.name(), item.score);
        return --count > 0;
      });
    }
    const size_t first = downwards ? rank + 1 - std::min(count, rank + 1) : rank;
    const size_t end = downwards ? rank + 1 : rank + std::min(count, size() - rank);
    VisitPart(first, end, downwards, visit);
  }
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    VisitRange(0, size(), false, visit);
  }
  // Visits about `count` members from `cursor` on, or all members of a packed set. Returns the next cursor.
  template <typename Visitor>
  uint64_t Scan(uint64_t cursor, size_t count, Visitor&& visit) const {
    if (is_large()) {
      return large().members().Scan(cursor, count, [&](const Entry& each) { visit(each.key(), ScoreIn(each)); });
    }
    ForEach(visit);
    return 0;
  }
  bool is_large() const { return entry_ != nullptr && entry_->kind().is_large(); }

 private:
  const LargeSortedSet& large() const { return static_cast<const LargeSortedSet&>(entry_->large()); }

  // Calls `visit(name, score)` until it returns false.
  template <typename Visitor>
  void VisitPacked(Visitor&& visit) const {
    if (entry_ == nullptr) return;
    for (PackedReader reader(entry_->value()); !reader.AtEnd();) {
      const std::string_view name = reader.Text();
      if (!visit(name, ReadScore(reader))) return;
    }
  }
  template <typename Visitor>
  void VisitPart(size_t first, size_t end, bool downwards, Visitor&& visit) const {
    std::vector<PackedMember> part;
    size_t rank = 0;
    VisitPacked([&](std::string_view name, double score) {
      if (rank >= first && !downwards) visit(name, score);
      if (rank >= first && downwards) part.push_back({name, score});
      return ++rank < end;
    });
    for (size_t i = part.size(); i-- > 0;) visit(part[i].name, part[i].score);
  }
  struct PackedMember {
    std::string_view name;
    double score;
  };

  const Entry* entry_;
};

EffectResult Apply(ValueEdit& edit, const SortedSetPut& effect);
EffectResult Apply(ValueEdit& edit, const SortedSetErase& effect);

}  // namespace ringkv::storage
