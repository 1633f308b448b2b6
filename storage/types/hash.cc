// SPDX-License-Identifier: MIT
#include "storage/types/hash.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_set>

#include "storage/types/packed_members.h"

namespace ringkv::storage {

// --- views ----------------------------------------------------------------------------------------------------------

void LargeHash::Pack(std::string* out) const {
  out->reserve(out->size() + kPackedHead + fields.entry_bytes());
  FieldPacker packer(out, fields.size(), fields.expiring() > 0);
  fields.ForEach([&](const Entry& each) { packer.Add({each.key(), each.value(), each.expiry()}); });
}

size_t HashView::size() const {
  if (entry_ == nullptr) return 0;
  return entry_->kind().is_large() ? large().size() : PackedCount(entry_->value());
}

size_t HashView::CountShown() const {
  if (!MayHide()) return size();
  size_t count = 0;
  ForEachField([&](const HashField&) { ++count; });
  return count;
}

std::vector<HashField> HashView::Shown() const {
  std::vector<HashField> shown;
  ForEachField([&](const HashField& field) { shown.push_back(field); });
  return shown;
}

HashField HashView::PickStored(Random& random) const {
  if (is_large()) return FieldOf(large().fields.Random(random));
  PackedFields fields(entry_->value(), entry_->has_field_expiry());
  for (uint64_t left = random.Below(size()); left > 0; --left) fields.Next();
  return fields.Next();
}

std::optional<HashField> HashView::TryPick(Random& random, size_t* looks) const {
  // More than two thirds must be hidden for one look in a million to find none.
  constexpr int kLooks = 32;
  if (size() == 0) return std::nullopt;
  for (int i = 0; i < kLooks; ++i) {
    if (looks != nullptr) ++*looks;
    const HashField field = PickStored(random);
    if (!Hides(field)) return field;
  }
  return std::nullopt;
}

std::optional<std::vector<HashField>> HashView::TryPickDistinct(Random& random, size_t count, size_t* looks) const {
  // Half of the fields may be hidden, and a few have been picked already.
  const size_t most = 4 * count + 32;
  std::vector<HashField> picked;
  std::unordered_set<const char*> taken;  // by the addresses of their names
  for (size_t i = 0; picked.size() < count && i < most; ++i) {
    if (looks != nullptr) ++*looks;
    const HashField field = PickStored(random);
    if (!Hides(field) && taken.insert(field.name.data()).second) picked.push_back(field);
  }
  if (picked.size() < count) return std::nullopt;
  return picked;
}

std::optional<HashField> HashView::FindField(std::string_view name) const {
  if (entry_ == nullptr) return std::nullopt;
  std::optional<HashField> found;
  if (entry_->kind().is_large()) {
    const Entry* member = large().fields.Find(name);
    if (member != nullptr) found = FieldOf(*member);
  } else {
    for (PackedFields fields(entry_->value(), entry_->has_field_expiry()); !found && !fields.AtEnd();) {
      const HashField field = fields.Next();
      if (field.name == name) found = field;
    }
  }
  if (found && Hides(*found)) return std::nullopt;
  return found;
}

size_t GatherExpiredFields(const Entry& hash, UnixMs now, size_t most, TextList* names) {
  if (hash.kind().is_large()) {
    return static_cast<LargeHash&>(hash.large()).fields.GatherExpired(now, most, names);
  }
  for (PackedFields fields(hash.value(), hash.has_field_expiry()); names->size() < most && !fields.AtEnd();) {
    const HashField field = fields.Next();
    if (field.expiry != kNoExpiry && field.expiry <= now) names->Add(field.name);
  }
  return names->size();
}

// --- large ones -----------------------------------------------------------------------------------------------------

std::unique_ptr<LargeHash> EnlargeHash(std::string_view packed, bool has_field_expiry, const TypeLimits& limits) {
  auto large = std::make_unique<LargeHash>(limits.seed, PackedCount(packed));
  const auto read = [](PackedFields& from) { return from.Next(); };
  const auto name = [](const HashField& field) { return field.name; };
  const auto put = [&](const HashField& field) { large->fields.Put(field.name, field.value, field.expiry); };
  PutPackedMembers(PackedFields(packed, has_field_expiry), large->fields, read, name, put);
  return large;
}

namespace {

LargeHash& EnlargeToHash(ValueEdit& edit) {
  return edit.Become(EnlargeHash(edit.bytes(), edit.has_field_expiry(), edit.limits()));
}

// After a change of what expires.
void NoteExpiring(ValueEdit& edit) {
  const bool has_field_expiry = edit.large<LargeHash>().fields.expiring() > 0;
  if (has_field_expiry != edit.has_field_expiry()) edit.SetFieldExpiry(has_field_expiry);
}

EffectResult PutLarge(ValueEdit& edit, const HashPut& put) {
  const bool is_new = edit.large<LargeHash>().fields.Put(put.field, put.value, put.expiry).second;
  NoteExpiring(edit);
  return is_new ? EffectResult::kAdded : EffectResult::kChanged;
}

// --- packed ones ----------------------------------------------------------------------------------------------------

// Where a field stands in packed bytes, if it is there.
struct FoundField {
  bool is_there = false;
  size_t offset = 0;
  size_t end = 0;
  HashField field;  // texts in the packed bytes
};

FoundField FindPackedField(const ValueEdit& edit, std::string_view name) {
  const std::string_view packed = edit.bytes();
  for (PackedFields fields(packed, edit.has_field_expiry()); !fields.AtEnd();) {
    const size_t offset = fields.offset();
    const HashField field = fields.Next();
    if (field.name == name) return {true, offset, fields.offset(), field};
  }
  return {.offset = packed.size(), .end = packed.size(), .field = {}};
}

bool FitsPacked(const ValueEdit& edit, const HashPut& put) {
  const size_t longest = LimitOf(edit.limits().hash_value);
  return put.field.size() <= longest && put.value.size() <= longest;
}

// Packs the hash anew, with expiries or without.
void Repack(ValueEdit& edit, bool with_expiry) {
  std::string packed;
  FieldPacker packer(&packed, edit.count(), with_expiry);
  for (PackedFields fields(edit.bytes(), edit.has_field_expiry()); !fields.AtEnd();) packer.Add(fields.Next());
  std::memcpy(edit.Splice(0, edit.bytes().size(), packed.size()), packed.data(), packed.size());
  edit.SetFieldExpiry(with_expiry);
}

UnixMs NextOf(const ValueEdit& edit) {
  UnixMs next = kNoExpiry;
  for (PackedFields fields(edit.bytes(), true); !fields.AtEnd();) {
    const UnixMs expiry = fields.Next().expiry;
    if (expiry != kNoExpiry && (next == kNoExpiry || expiry < next)) next = expiry;
  }
  return next;
}

// After the change of a field that expired at `before` and does so at `now`.
void NoteExpiry(ValueEdit& edit, UnixMs before, UnixMs now) {
  if (before == now || !edit.has_field_expiry()) return;
  const UnixMs next = NextOf(edit);
  if (next == kNoExpiry) return Repack(edit, false);
  std::memcpy(edit.mutable_bytes() + kPackedHead, &next, sizeof next);
}

// Puts the field where one has been found, or behind the last one.
void WriteField(ValueEdit& edit, const FoundField& at, const HashField& field) {
  const bool has_expiry = edit.has_field_expiry();
  WritePackedField(edit.Splice(at.offset, at.end - at.offset, PackedFieldSize(field, has_expiry)), field, has_expiry);
}

EffectResult EraseField(ValueEdit& edit, std::string_view name) {
  if (edit.is_large()) {
    const bool is_erased = edit.large<LargeHash>().fields.Erase(name);
    NoteExpiring(edit);
    return is_erased ? EffectResult::kChanged : EffectResult::kUnchanged;
  }
  const FoundField found = FindPackedField(edit, name);
  if (!found.is_there) return EffectResult::kUnchanged;
  edit.Splice(found.offset, found.end - found.offset, 0);
  edit.SetCount(edit.count() - 1);
  NoteExpiry(edit, found.field.expiry, kNoExpiry);
  return EffectResult::kChanged;
}

}  // namespace

// --- effects --------------------------------------------------------------------------------------------------------

EffectResult Apply(ValueEdit& edit, const HashPut& put) {
  if (edit.is_large()) return PutLarge(edit, put);
  if (put.expiry != kNoExpiry && !edit.has_field_expiry() && FitsPacked(edit, put)) Repack(edit, true);
  const FoundField found = FindPackedField(edit, put.field);
  const size_t count = edit.count();
  if (!FitsPacked(edit, put) || (!found.is_there && count >= LimitOf(edit.limits().hash_entries))) {
    EnlargeToHash(edit);
    return PutLarge(edit, put);
  }
  const UnixMs before = found.field.expiry;
  WriteField(edit, found, {put.field, put.value, put.expiry});
  if (!found.is_there) edit.SetCount(count + 1);
  NoteExpiry(edit, before, put.expiry);
  return found.is_there ? EffectResult::kChanged : EffectResult::kAdded;
}

EffectResult Apply(ValueEdit& edit, const HashFieldExpirySet& effect) {
  if (edit.is_large()) {
    const bool is_there = edit.large<LargeHash>().fields.SetExpiry(effect.field, effect.expiry);
    NoteExpiring(edit);
    return is_there ? EffectResult::kChanged : EffectResult::kUnchanged;
  }
  const bool is_there = FindPackedField(edit, effect.field).is_there;
  if (!is_there || (effect.expiry == kNoExpiry && !edit.has_field_expiry())) return EffectResult::kUnchanged;
  if (!edit.has_field_expiry()) Repack(edit, true);
  const FoundField found = FindPackedField(edit, effect.field);
  const UnixMs before = found.field.expiry;
  const size_t old_size = VarintSize(ExpiryCode(before));
  char* at = edit.Splice(found.end - old_size, old_size, VarintSize(ExpiryCode(effect.expiry)));
  WriteVarint(at, ExpiryCode(effect.expiry));
  NoteExpiry(edit, before, effect.expiry);
  return EffectResult::kChanged;
}

EffectResult Apply(ValueEdit& edit, const HashFieldExpire& effect) { return EraseField(edit, effect.field); }

EffectResult Apply(ValueEdit& edit, const HashErase& effect) { return EraseField(edit, effect.field); }

}  // namespace ringkv::storage
