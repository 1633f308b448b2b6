// SPDX-License-Identifier: MIT
#include "storage/types/hash.h"

#include "storage/base/byte_codec.h"
#include "storage/types/packed_members.h"

namespace ringkv::storage {
namespace {

// Where a field stands in packed bytes, if it is there.
struct FoundField {
  bool is_there = false;
  size_t offset = 0;
  size_t value_offset = 0;  // of the value with its length
  size_t end = 0;
};

FoundField FindPackedField(std::string_view packed, std::string_view field) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    const size_t offset = reader.offset();
    const bool is_it = reader.Text() == field;
    const size_t value_offset = reader.offset();
    reader.Text();
    if (is_it) return {true, offset, value_offset, reader.offset()};
  }
  return {.offset = packed.size()};
}

bool FitsPacked(const ValueEdit& edit, const HashPut& put) {
  const size_t longest = LimitOf(edit.limits().hash_value);
  return put.field.size() <= longest && put.value.size() <= longest;
}

LargeHash& EnlargeToHash(ValueEdit& edit) { return edit.Become(EnlargeHash(edit.bytes(), edit.limits())); }

EffectResult PutLarge(LargeHash& large, const HashPut& put) {
  return large.fields.Put(put.field, put.value).second ? EffectResult::kAdded : EffectResult::kChanged;
}

}  // namespace

std::unique_ptr<LargeHash> EnlargeHash(std::string_view packed, const TypeLimits& limits) {
  auto large = std::make_unique<LargeHash>(limits.seed, PackedCount(packed));
  const auto read = [](PackedReader& reader) {
    const std::string_view field = reader.Text();
    return HashPut{field, reader.Text()};
  };
  const auto name = [](const HashPut& put) { return put.field; };
  PutPackedMembers(packed, large->fields, read, name, [&](const HashPut& put) { PutLarge(*large, put); });
  return large;
}

void LargeHash::Pack(std::string* out) const {
  out->reserve(out->size() + kPackedHead + fields.entry_bytes());
  AppendPackedHead(out, fields.size());
  fields.ForEach([&](const Entry& each) {
    PutText(out, each.key());
    PutText(out, each.value());
  });
}

size_t HashView::size() const {
  if (entry_ == nullptr) return 0;
  return entry_->kind().is_large() ? large().size() : PackedCount(entry_->value());
}

std::optional<std::string_view> HashView::Find(std::string_view field) const {
  if (entry_ == nullptr) return std::nullopt;
  if (entry_->kind().is_large()) {
    const Entry* found = large().fields.Find(field);
    return found == nullptr ? std::nullopt : std::optional(found->value());
  }
  for (PackedReader reader(entry_->value()); !reader.AtEnd();) {
    const bool is_it = reader.Text() == field;
    const std::string_view value = reader.Text();
    if (is_it) return value;
  }
  return std::nullopt;
}

EffectResult Apply(ValueEdit& edit, const HashPut& put) {
  if (edit.is_large()) return PutLarge(edit.large<LargeHash>(), put);
  const FoundField found = FindPackedField(edit.bytes(), put.field);
  const size_t count = edit.count();
  if (!FitsPacked(edit, put) || (!found.is_there && count >= LimitOf(edit.limits().hash_entries))) {
    return PutLarge(EnlargeToHash(edit), put);
  }
  if (found.is_there) {
    char* gap = edit.Splice(found.value_offset, found.end - found.value_offset, PackedTextSize(put.value));
    WritePackedText(gap, put.value);
    return EffectResult::kChanged;
  }
  char* gap = edit.Splice(found.offset, 0, PackedTextSize(put.field) + PackedTextSize(put.value));
  WritePackedText(WritePackedText(gap, put.field), put.value);
  edit.SetCount(count + 1);
  return EffectResult::kAdded;
}

EffectResult Apply(ValueEdit& edit, const HashErase& effect) {
  if (edit.is_large()) {
    return edit.large<LargeHash>().fields.Erase(effect.field) ? EffectResult::kChanged : EffectResult::kUnchanged;
  }
  const FoundField found = FindPackedField(edit.bytes(), effect.field);
  if (!found.is_there) return EffectResult::kUnchanged;
  edit.Splice(found.offset, found.end - found.offset, 0);
  edit.SetCount(edit.count() - 1);
  return EffectResult::kChanged;
}

}  // namespace ringkv::storage
