// SPDX-License-Identifier: MIT
// The value of one entry while an effect changes it. Each change invalidates views into the value.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <memory>
#include <string_view>

#include "storage/entry/entry.h"
#include "storage/entry/large_value.h"
#include "storage/entry/packed.h"
#include "storage/entry/type_limits.h"

namespace ringkv::storage {

class MutableEntry;

class ValueEdit {
 public:
  ValueEdit(MutableEntry* entry, const TypeLimits& limits);
  // Of a new entry. See MutableEntry::Create.
  ValueEdit(std::string_view key, std::string_view bytes, UnixMs expiry, ValueKind kind, uint32_t access,
            const TypeLimits& limits);

  // The entry to go on with. It is the caller's if it is new.
  MutableEntry* mutable_entry() const;
  const Entry* entry() const { return entry_; }
  // Frees the entry, which stands nowhere.
  void Discard();

  const TypeLimits& limits() const { return limits_; }
  CollectionForm form() const { return entry_->kind().form(); }
  bool is_large() const { return form() == CollectionForm::kLarge; }
  bool has_field_expiry() const { return entry_->has_field_expiry(); }
  std::string_view bytes() const { return entry_->value(); }
  uint32_t count() const { return PackedCount(bytes()); }

  // Replaces `removed` bytes by the bytes written to the result.
  char* Splice(size_t offset, size_t removed, size_t inserted);
  void SetCount(size_t count);
  // The bytes, for changes that keep their length.
  char* mutable_bytes();
  void SetForm(CollectionForm form);
  void SetFieldExpiry(bool has_field_expiry);

  template <typename Large>
  Large& large() const {
    return static_cast<Large&>(entry_->large());
  }
  template <typename Large>
  Large& Become(std::unique_ptr<Large> value) {
    Large& large = *value;
    BecomeLarge(std::move(value));
    return large;
  }

 private:
  void BecomeLarge(std::unique_ptr<LargeValue> value);

  Entry* entry_;
  const TypeLimits& limits_;
};

}  // namespace ringkv::storage
