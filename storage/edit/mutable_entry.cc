// SPDX-License-Identifier: MIT
#include "storage/edit/mutable_entry.h"

#include <algorithm>

#include "storage/base/allocator.h"
#include "storage/base/check.h"
#include "storage/entry/large_value.h"

namespace ringkv::storage {

bool MutableEntry::IsLong() const {
  return TotalSize() >= kLargeValue ||
         (kind().is_large() && (large().size() >= kManyElements || large().bytes() >= kLargeValue));
}

size_t MutableEntry::SizeFor(size_t key_length, size_t value_length, bool has_expiry) {
  const bool is_long = key_length > kShortKey || value_length > kShortValue;
  return kBaseSize + (has_expiry ? sizeof(UnixMs) : 0) + (is_long ? sizeof(uint32_t) : 0) + key_length + value_length;
}

void MutableEntry::set_value_length(size_t length) {
  lengths_ = (meta_ & kLong) != 0 ? static_cast<uint32_t>(length)
                                  : (lengths_ & static_cast<uint32_t>(kShortKey)) | static_cast<uint32_t>(length << 8);
}

MutableEntry* MutableEntry::Lay(void* bytes, std::string_view key, size_t value_length, UnixMs expiry, ValueKind kind,
                                uint32_t access) {
  RINGKV_CHECK(key.size() <= UINT32_MAX && value_length <= UINT32_MAX);
  const bool has_expiry = expiry != kNoExpiry;
  const bool is_long = key.size() > kShortKey || value_length > kShortValue;
  auto* entry = static_cast<MutableEntry*>(bytes);
  entry->meta_ = (has_expiry ? kHasExpiry : 0) | (is_long ? kLong : 0) | (access << kAccessShift);
  entry->set_kind(kind);
  entry->lengths_ = static_cast<uint32_t>(key.size());
  entry->set_value_length(value_length);
  if (has_expiry) entry->set_expiry_in_place(expiry);
  if (is_long) {
    const auto key_length = static_cast<uint32_t>(key.size());
    std::memcpy(entry->mutable_bytes() + entry->HeaderSize() - sizeof key_length, &key_length, sizeof key_length);
  }
  if (!key.empty()) std::memcpy(entry->mutable_bytes() + entry->HeaderSize(), key.data(), key.size());
  return entry;
}

MutableEntry* MutableEntry::CreateUninitialised(std::string_view key, size_t value_length, UnixMs expiry,
                                                ValueKind kind, uint32_t access) {
  return Lay(AllocateBytes(SizeFor(key.size(), value_length, expiry != kNoExpiry)), key, value_length, expiry, kind,
             access);
}

MutableEntry* MutableEntry::Create(std::string_view key, std::string_view value, UnixMs expiry, ValueKind kind,
                                   uint32_t access) {
  MutableEntry* entry = CreateUninitialised(key, value.size(), expiry, kind, access);
  if (!value.empty()) std::memcpy(entry->mutable_value(), value.data(), value.size());
  return entry;
}

void MutableEntry::Free(MutableEntry* entry) {
  if (entry->kind().is_large()) delete &entry->large();
  FreeShell(entry);
}

MutableEntry* MutableEntry::WithValue(std::string_view value, UnixMs expiry, ValueKind kind, MutableEntry** left_over) {
  const bool keeps_layout = (expiry != kNoExpiry) == has_expiry() && IsLongWith(value.size()) == ((meta_ & kLong) != 0);
  const bool fits = keeps_layout && !this->kind().is_large() &&
                    (value.size() == ValueLength() ||
                     AllocationSize(SizeFor(KeyLength(), value.size(), has_expiry())) == AllocationSize(TotalSize()));
  if (fits) {
    set_value_length(value.size());
    set_kind(kind);
    if (has_expiry()) set_expiry_in_place(expiry);
    if (!value.empty()) std::memmove(mutable_value(), value.data(), value.size());
    return this;
  }
  MutableEntry* entry = Create(key(), value, expiry, kind, access());
  if (left_over != nullptr && IsLong()) {
    *left_over = this;
  } else {
    Free(this);
  }
  return entry;
}

MutableEntry* MutableEntry::WithLength(size_t length) {
  MutableEntry* entry = this;
  const size_t new_total = SizeFor(KeyLength(), length, has_expiry());
  if (IsLongWith(length) != ((meta_ & kLong) != 0)) {
    entry = CreateUninitialised(key(), length, expiry(), kind(), access());
    std::memcpy(entry->mutable_value(), value().data(), std::min(length, ValueLength()));
    FreeShell(this);
    return entry;
  }
  if (AllocationSize(new_total) != AllocationSize(TotalSize())) {
    entry = static_cast<MutableEntry*>(ReallocateBytes(this, TotalSize(), new_total));
  }
  entry->set_value_length(length);
  return entry;
}

MutableEntry* MutableEntry::WithZerosUpTo(size_t length) {
  const size_t old_length = ValueLength();
  if (length < kLargeValue || length / 2 < old_length) {
    MutableEntry* entry = WithLength(length);
    std::memset(entry->mutable_value() + old_length, 0, length - old_length);
    return entry;
  }
  void* zeros = AllocateZeros(SizeFor(KeyLength(), length, has_expiry()));
  MutableEntry* entry = Lay(zeros, key(), length, expiry(), kind(), access());
  if (old_length > 0) std::memcpy(entry->mutable_value(), value().data(), old_length);
  FreeShell(this);
  return entry;
}

MutableEntry* MutableEntry::WithGap(size_t offset, size_t removed, size_t inserted) {
  const size_t old_length = ValueLength();
  const size_t tail = old_length - offset - removed;
  if (inserted <= removed) {
    char* gap = mutable_value() + offset;
    if (inserted != removed) std::memmove(gap + inserted, gap + removed, tail);
    return WithLength(old_length - removed + inserted);
  }
  MutableEntry* entry = WithLength(old_length - removed + inserted);
  char* gap = entry->mutable_value() + offset;
  std::memmove(gap + inserted, gap + removed, tail);
  return entry;
}

MutableEntry* MutableEntry::WithLarge(LargeValue* value) {
  MutableEntry* entry = WithGap(0, ValueLength(), sizeof(void*));
  std::memcpy(entry->mutable_value(), &value, sizeof(void*));
  entry->set_kind(entry->kind().With(CollectionForm::kLarge));
  return entry;
}

MutableEntry* MutableEntry::WithBytesAt(size_t offset, std::string_view bytes) {
  const size_t old_length = ValueLength();
  const size_t length = std::max(old_length, offset + bytes.size());
  MutableEntry* entry = offset > old_length ? WithZerosUpTo(length) : WithLength(length);
  entry->set_kind(StringForm::kPatched);
  if (!bytes.empty()) std::memcpy(entry->mutable_value() + offset, bytes.data(), bytes.size());
  return entry;
}

MutableEntry* MutableEntry::WithExpiry(UnixMs expiry) {
  if (has_expiry() == (expiry != kNoExpiry)) {
    if (has_expiry()) set_expiry_in_place(expiry);
    return this;
  }
  MutableEntry* entry = Create(key(), value(), expiry, kind(), access());
  FreeShell(this);
  return entry;
}

MutableEntry* MutableEntry::WithKey(std::string_view key) {
  MutableEntry* entry = Create(key, value(), expiry(), kind(), access());
  FreeShell(this);
  return entry;
}

}  // namespace ringkv::storage
