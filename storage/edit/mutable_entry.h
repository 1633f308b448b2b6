// SPDX-License-Identifier: MIT
// An entry with its setters, which need the lock of the key's partition. The build shows it to tables, the keyspace and
// transactions alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/base/allocator.h"
#include "storage/entry/entry.h"

namespace ringkv::storage {

class MutableEntry : public Entry {
 public:
  // A new entry, owned by the caller until it is inserted into a table. `access` has 24 bits.
  static MutableEntry* Create(std::string_view key, std::string_view value, UnixMs expiry, ValueKind kind,
                              uint32_t access);
  // The same, for a value that the caller writes to mutable_value().
  static MutableEntry* CreateUninitialised(std::string_view key, size_t value_length, UnixMs expiry, ValueKind kind,
                                           uint32_t access);
  // With its large value, if it has one.
  static void Free(MutableEntry* entry);

  // Each of these returns the entry to use afterwards: this one, or a reallocated one (then this one is freed).
  // When a large value is replaced, the old allocation is passed to `*left_over` instead of being freed.
  MutableEntry* WithValue(std::string_view value, UnixMs expiry, ValueKind kind, MutableEntry** left_over);
  MutableEntry* WithBytesAt(size_t offset, std::string_view bytes);
  // Replaces `removed` bytes of the value at `offset` by `inserted` bytes, which the caller writes to
  // mutable_value() + offset.
  MutableEntry* WithGap(size_t offset, size_t removed, size_t inserted);
  // Takes ownership of the value.
  MutableEntry* WithLarge(LargeValue* value);
  MutableEntry* WithExpiry(UnixMs expiry);
  MutableEntry* WithKey(std::string_view key);

  char* mutable_value() { return mutable_bytes() + HeaderSize() + KeyLength(); }
  void set_kind(ValueKind kind) {
    meta_ = (meta_ & ~(kLowKindMask | 3u << kFormShift)) | (kind.bits() & kLowKindMask) | (kind.bits() & 0x30u) << 2;
  }
  // Whether freeing it takes long.
  bool IsLong() const;
  void set_access(uint32_t access) { meta_ = (meta_ & ((1u << kAccessShift) - 1)) | (access << kAccessShift); }

 private:
  MutableEntry() = delete;
  ~MutableEntry() = delete;

  static size_t SizeFor(size_t key_length, size_t value_length, bool has_expiry);
  // Frees the entry without its large value, which has another owner now.
  static void FreeShell(MutableEntry* entry) { FreeBytes(entry, entry->TotalSize()); }
  // An allocation for it, with all but the value written.
  static MutableEntry* Lay(void* bytes, std::string_view key, size_t value_length, UnixMs expiry, ValueKind kind,
                           uint32_t access);
  MutableEntry* WithLength(size_t length);
  // With zeros at the end.
  MutableEntry* WithZerosUpTo(size_t length);
  char* mutable_bytes() { return reinterpret_cast<char*>(this); }
  void set_expiry_in_place(UnixMs expiry) { std::memcpy(mutable_bytes() + kBaseSize, &expiry, sizeof expiry); }
  bool IsLongWith(size_t value_length) const { return KeyLength() > kShortKey || value_length > kShortValue; }
  void set_value_length(size_t length);
};

// Values of at least this size, and large collections with at least this many elements, as in Redis, are freed by the
// reclaimer.
constexpr size_t kLargeValue = 256 * 1024;
constexpr size_t kManyElements = 65;

}  // namespace ringkv::storage
