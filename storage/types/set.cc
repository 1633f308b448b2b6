// SPDX-License-Identifier: MIT
#include "storage/types/set.h"

#include <algorithm>

#include "storage/base/byte_codec.h"
#include "storage/types/packed_members.h"

namespace ringkv::storage {
namespace {

LargeSet& EnlargeToSet(ValueEdit& edit) {
  auto large = std::make_unique<LargeSet>(edit.limits().seed);
  SetView(edit.entry()).ForEach([&](std::string_view member) { large->members.Put(member, {}); });
  return edit.Become(std::move(large));
}

void ReplaceBytes(ValueEdit& edit, std::string_view bytes, CollectionForm form) {
  std::memcpy(edit.Splice(0, edit.bytes().size(), bytes.size()), bytes.data(), bytes.size());
  edit.SetForm(form);
}

void PackTexts(ValueEdit& edit) {
  std::string packed;
  const SetView view(edit.entry());
  AppendPackedHead(&packed, view.size());
  view.ForEach([&](std::string_view member) { PutText(&packed, member); });
  ReplaceBytes(edit, packed, CollectionForm::kPacked);
}

void Widen(ValueEdit& edit, size_t width) {
  const IntegerSetView narrow(edit.bytes());
  std::string wide(1 + narrow.size() * width, '\0');
  wide[0] = static_cast<char>(width);
  for (size_t i = 0; i < narrow.size(); ++i) WriteInteger(wide.data() + 1 + i * width, width, narrow.At(i));
  ReplaceBytes(edit, wide, CollectionForm::kIntegers);
}

EffectResult AddInteger(ValueEdit& edit, int64_t value) {
  if (IntegerSetView(edit.bytes()).Contains(value)) return EffectResult::kUnchanged;
  if (IntegerSetView::WidthFor(value) > IntegerSetView(edit.bytes()).width()) {
    Widen(edit, IntegerSetView::WidthFor(value));
  }
  const IntegerSetView integers(edit.bytes());
  const size_t width = integers.width();
  WriteInteger(edit.Splice(1 + integers.LowerBound(value) * width, 0, width), width, value);
  return EffectResult::kAdded;
}

bool ContainsPacked(std::string_view packed, std::string_view member) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    if (reader.Text() == member) return true;
  }
  return false;
}

EffectResult AddLarge(LargeSet& large, std::string_view member) {
  return large.members.Put(member, {}).second ? EffectResult::kAdded : EffectResult::kUnchanged;
}

EffectResult AddText(ValueEdit& edit, std::string_view member) {
  if (ContainsPacked(edit.bytes(), member)) return EffectResult::kUnchanged;
  const size_t count = edit.count();
  if (count >= LimitOf(edit.limits().set_entries) || member.size() > LimitOf(edit.limits().set_value)) {
    return AddLarge(EnlargeToSet(edit), member);
  }
  WritePackedText(edit.Splice(edit.bytes().size(), 0, PackedTextSize(member)), member);
  edit.SetCount(count + 1);
  return EffectResult::kAdded;
}

}  // namespace

bool AreManyOfSet(size_t members, const TypeLimits& limits) {
  return members > std::max(LimitOf(limits.set_entries), LimitOf(limits.set_integers));
}

std::unique_ptr<LargeSet> EnlargeSet(std::string_view packed, const TypeLimits& limits) {
  auto large = std::make_unique<LargeSet>(limits.seed, PackedCount(packed));
  const auto read = [](PackedReader& reader) { return reader.Text(); };
  const auto name = [](std::string_view member) { return member; };
  PutPackedMembers(PackedReader(packed), large->members, read, name,
                   [&](std::string_view member) { AddLarge(*large, member); });
  return large;
}

void LargeSet::Pack(std::string* out) const {
  out->reserve(out->size() + kPackedHead + members.entry_bytes());
  AppendPackedHead(out, members.size());
  members.ForEach([&](const Entry& each) { PutText(out, each.key()); });
}

size_t SetView::size() const {
  if (entry_ == nullptr) return 0;
  switch (entry_->kind().form()) {
    case CollectionForm::kLarge: return large().size();
    case CollectionForm::kIntegers: return IntegerSetView(entry_->value()).size();
    case CollectionForm::kPacked: return PackedCount(entry_->value());
  }
  return 0;
}

bool SetView::Contains(std::string_view member) const {
  if (entry_ == nullptr) return false;
  switch (entry_->kind().form()) {
    case CollectionForm::kLarge: return large().members.Find(member) != nullptr;
    case CollectionForm::kIntegers: {
      const std::optional<int64_t> value = IntegerMember(member);
      return value && IntegerSetView(entry_->value()).Contains(*value);
    }
    case CollectionForm::kPacked: return ContainsPacked(entry_->value(), member);
  }
  return false;
}

std::string SetView::Random(storage::Random& random) const {
  if (is_large()) return std::string(large().members.Random(random).key());
  uint64_t left = random.Below(size());
  if (entry_->kind().form() == CollectionForm::kIntegers) {
    return std::string(IntegerText(IntegerSetView(entry_->value()).At(left)));
  }
  PackedReader reader(entry_->value());
  while (left-- > 0) reader.Text();
  return std::string(reader.Text());
}

EffectResult Apply(ValueEdit& edit, const SetAdd& effect) {
  if (edit.is_large()) return AddLarge(edit.large<LargeSet>(), effect.member);
  const std::optional<int64_t> value = IntegerMember(effect.member);
  if (edit.form() == CollectionForm::kPacked && edit.count() == 0 && value) {
    const char empty[] = {sizeof(int16_t)};
    ReplaceBytes(edit, {empty, sizeof empty}, CollectionForm::kIntegers);
  }
  if (edit.form() != CollectionForm::kIntegers) return AddText(edit, effect.member);
  const size_t size = IntegerSetView(edit.bytes()).size();
  if (value) {
    if (size < LimitOf(edit.limits().set_integers)) return AddInteger(edit, *value);
    return IntegerSetView(edit.bytes()).Contains(*value) ? EffectResult::kUnchanged
                                                         : AddLarge(EnlargeToSet(edit), effect.member);
  }
  if (size >= LimitOf(edit.limits().set_entries)) return AddLarge(EnlargeToSet(edit), effect.member);
  PackTexts(edit);
  return AddText(edit, effect.member);
}

EffectResult Apply(ValueEdit& edit, const SetErase& effect) {
  if (edit.is_large()) {
    return edit.large<LargeSet>().members.Erase(effect.member) ? EffectResult::kChanged : EffectResult::kUnchanged;
  }
  if (edit.form() == CollectionForm::kIntegers) {
    const std::optional<int64_t> value = IntegerMember(effect.member);
    const IntegerSetView integers(edit.bytes());
    if (!value || !integers.Contains(*value)) return EffectResult::kUnchanged;
    const size_t width = integers.width();
    edit.Splice(1 + integers.LowerBound(*value) * width, width, 0);
    return EffectResult::kChanged;
  }
  for (PackedReader reader(edit.bytes()); !reader.AtEnd();) {
    const size_t offset = reader.offset();
    if (reader.Text() != effect.member) continue;
    edit.Splice(offset, reader.offset() - offset, 0);
    edit.SetCount(edit.count() - 1);
    return EffectResult::kChanged;
  }
  return EffectResult::kUnchanged;
}

NewSet::NewSet(const TypeLimits& limits, std::string_view key, size_t expected, UnixMs expiry)
    : edit_(key, kEmptyPacked, expiry, {ValueType::kSet, CollectionForm::kPacked}, 0, limits) {
  if (AreManyOfSet(expected, limits)) edit_.Become(std::make_unique<LargeSet>(limits.seed, expected));
}

bool NewSet::Add(std::string_view member) { return Apply(edit_, SetAdd{member}) == EffectResult::kAdded; }

}  // namespace ringkv::storage
