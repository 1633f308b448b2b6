// SPDX-License-Identifier: MIT
#include "storage/table/value_edit.h"

#include <cstring>

#include "storage/edit/mutable_entry.h"

namespace ringkv::storage {

ValueEdit::ValueEdit(MutableEntry* entry, const TypeLimits& limits) : entry_(entry), limits_(limits) {}

ValueEdit::ValueEdit(std::string_view key, std::string_view bytes, UnixMs expiry, ValueKind kind, uint32_t access,
                     const TypeLimits& limits)
    : ValueEdit(MutableEntry::Create(key, bytes, expiry, kind, access), limits) {}

MutableEntry* ValueEdit::mutable_entry() const { return static_cast<MutableEntry*>(entry_); }

void ValueEdit::Discard() { MutableEntry::Free(mutable_entry()); }

char* ValueEdit::Splice(size_t offset, size_t removed, size_t inserted) {
  MutableEntry* entry = mutable_entry()->WithGap(offset, removed, inserted);
  entry_ = entry;
  return entry->mutable_value() + offset;
}

void ValueEdit::SetCount(size_t count) {
  const auto head = static_cast<uint32_t>(count);
  std::memcpy(mutable_entry()->mutable_value(), &head, sizeof head);
}

char* ValueEdit::mutable_bytes() { return mutable_entry()->mutable_value(); }

void ValueEdit::SetForm(CollectionForm form) { mutable_entry()->set_kind(entry_->kind().With(form)); }

void ValueEdit::SetFieldExpiry(bool has_field_expiry) {
  mutable_entry()->set_kind(entry_->kind().WithFieldExpiry(has_field_expiry));
}

void ValueEdit::BecomeLarge(std::unique_ptr<LargeValue> value) { entry_ = mutable_entry()->WithLarge(value.release()); }

}  // namespace ringkv::storage
