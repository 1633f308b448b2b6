// SPDX-License-Identifier: MIT
#include "storage/types/sorted_set.h"

#include "storage/types/packed_members.h"

namespace ringkv::storage {
namespace {

std::string_view AsBytes(const double& score) { return {reinterpret_cast<const char*>(&score), sizeof score}; }

// Where a member stands in packed bytes.
struct FoundScore {
  size_t offset = 0;
  size_t end = 0;
  double score = 0;
};

std::optional<FoundScore> FindPackedScore(std::string_view packed, std::string_view member) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    const size_t offset = reader.offset();
    const bool is_it = reader.Text() == member;
    const double score = ReadScore(reader);
    if (is_it) return FoundScore{offset, reader.offset(), score};
  }
  return std::nullopt;
}

// Where a member belongs that isn't there.
size_t PlaceFor(std::string_view packed, std::string_view member, double score) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    const size_t offset = reader.offset();
    const std::string_view name = reader.Text();
    const double other = ReadScore(reader);
    if (score < other || (score == other && member < name)) return offset;
  }
  return packed.size();
}

void InsertPacked(ValueEdit& edit, std::string_view member, double score) {
  const size_t offset = PlaceFor(edit.bytes(), member, score);
  WriteScore(WritePackedText(edit.Splice(offset, 0, PackedTextSize(member) + ScoreSize(score)), member), score);
  edit.SetCount(edit.count() + 1);
}

void ErasePacked(ValueEdit& edit, const FoundScore& found) {
  edit.Splice(found.offset, found.end - found.offset, 0);
  edit.SetCount(edit.count() - 1);
}

LargeSortedSet& EnlargeToSortedSet(ValueEdit& edit) {
  return edit.Become(EnlargeSortedSet(edit.bytes(), edit.limits()));
}

}  // namespace

// --- large ----------------------------------------------------------------------------------------------------------

std::unique_ptr<LargeSortedSet> EnlargeSortedSet(std::string_view packed, const TypeLimits& limits) {
  auto large = std::make_unique<LargeSortedSet>(limits.seed, PackedCount(packed));
  const auto read = [](PackedReader& reader) {
    const std::string_view member = reader.Text();
    return SortedSetPut{member, ReadScore(reader)};
  };
  const auto name = [](const SortedSetPut& put) { return put.member; };
  PutPackedMembers(PackedReader(packed), large->members(), read, name,
                   [&](const SortedSetPut& put) { large->Put(put.member, put.score); });
  return large;
}

void LargeSortedSet::Pack(std::string* out) const {
  out->reserve(out->size() + kPackedHead + members_.entry_bytes());
  AppendPackedHead(out, size());
  order_.VisitFrom(0, false, [&](const OrderTree::Item& item) {
    AppendScored(out, item.name(), item.score);
    return true;
  });
}

std::optional<double> LargeSortedSet::Score(std::string_view member) const {
  const Entry* found = members_.Find(member);
  return found == nullptr ? std::nullopt : std::optional(ScoreIn(*found));
}

EffectResult LargeSortedSet::Put(std::string_view member, double score) {
  const auto [there, is_new] = members_.Add(member, AsBytes(score));
  if (is_new) {
    order_.Insert({score, there});
    return EffectResult::kAdded;
  }
  const double old_score = ScoreIn(*there);
  if (old_score == score) return EffectResult::kUnchanged;
  order_.Erase({old_score, there});
  order_.Insert({score, members_.Put(member, AsBytes(score)).first});
  return EffectResult::kChanged;
}

bool LargeSortedSet::Erase(std::string_view member) {
  const Entry* found = members_.Find(member);
  if (found == nullptr) return false;
  order_.Erase({ScoreIn(*found), found});
  return members_.Erase(member);
}

// --- reading --------------------------------------------------------------------------------------------------------

size_t SortedSetView::size() const {
  if (entry_ == nullptr) return 0;
  return is_large() ? large().size() : PackedCount(entry_->value());
}

std::optional<double> SortedSetView::Score(std::string_view member) const {
  if (entry_ == nullptr) return std::nullopt;
  if (is_large()) return large().Score(member);
  const std::optional<FoundScore> found = FindPackedScore(entry_->value(), member);
  return found ? std::optional(found->score) : std::nullopt;
}

std::optional<size_t> SortedSetView::Rank(std::string_view member) const {
  const std::optional<double> score = Score(member);
  if (!score) return std::nullopt;
  return CountBefore(
      [&](double other, std::string_view name) { return other < *score || (other == *score && name < member); });
}

// --- changing -------------------------------------------------------------------------------------------------------

EffectResult Apply(ValueEdit& edit, const SortedSetPut& put) {
  if (edit.is_large()) return edit.large<LargeSortedSet>().Put(put.member, put.score);
  const std::optional<FoundScore> found = FindPackedScore(edit.bytes(), put.member);
  const double score = put.score + 0.0;  // a small sorted set has no zero with a sign, in redis-server too
  if (found) {
    if (found->score == score) return EffectResult::kUnchanged;
    ErasePacked(edit, *found);
    InsertPacked(edit, put.member, score);
    return EffectResult::kChanged;
  }
  if (edit.count() >= LimitOf(edit.limits().sorted_set_entries) ||
      put.member.size() > LimitOf(edit.limits().sorted_set_value)) {
    return EnlargeToSortedSet(edit).Put(put.member, put.score);
  }
  InsertPacked(edit, put.member, score);
  return EffectResult::kAdded;
}

EffectResult Apply(ValueEdit& edit, const SortedSetErase& effect) {
  if (edit.is_large()) {
    return edit.large<LargeSortedSet>().Erase(effect.member) ? EffectResult::kChanged : EffectResult::kUnchanged;
  }
  const std::optional<FoundScore> found = FindPackedScore(edit.bytes(), effect.member);
  if (!found) return EffectResult::kUnchanged;
  ErasePacked(edit, *found);
  return EffectResult::kChanged;
}

}  // namespace ringkv::storage
