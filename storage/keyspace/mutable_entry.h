// SPDX-License-Identifier: MIT
// An entry with its setters: inside of keyspace/ only. All of them need the lock of the key's partition.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/keyspace/entry.h"

namespace ringkv::storage {

class MutableEntry : public Entry {
 public:
  // A new entry, owned by the caller until it stands in a table. `access` has 24 bits.
  static MutableEntry* Create(std::string_view key, std::string_view value, UnixMs expiry, StringForm form,
                              uint32_t access);
  static void Free(MutableEntry* entry);

  // Each of these returns the entry to go on with: this one, or another that took its place (then this one is freed).
  // When a large value is replaced, the old allocation is handed to `*left_over` instead of being freed.
  MutableEntry* WithValue(std::string_view value, UnixMs expiry, StringForm form, MutableEntry** left_over);
  MutableEntry* WithBytesAt(size_t offset, std::string_view bytes);
  MutableEntry* WithExpiry(UnixMs expiry);
  MutableEntry* WithKey(std::string_view key);

  void set_access(uint32_t access) { meta_ = (meta_ & ((1u << kAccessShift) - 1)) | (access << kAccessShift); }

 private:
  MutableEntry() = delete;
  ~MutableEntry() = delete;

  static size_t SizeFor(size_t key_length, size_t value_length, bool has_expiry);
  static MutableEntry* CreateUninitialised(std::string_view key, size_t value_length, UnixMs expiry, StringForm form,
                                           uint32_t access);
  char* mutable_bytes() { return reinterpret_cast<char*>(this); }
  char* mutable_value() { return mutable_bytes() + HeaderSize() + KeyLength(); }
  void set_form(StringForm form) {
    meta_ = (meta_ & ~(3u << kFormShift)) | (static_cast<uint32_t>(form) << kFormShift);
  }
  void set_expiry_in_place(UnixMs expiry) { std::memcpy(mutable_bytes() + kBaseSize, &expiry, sizeof expiry); }
  bool IsLongWith(size_t value_length) const { return KeyLength() > kShortKey || value_length > kShortValue; }
  void set_value_length(size_t length);
};

// Values from this size on are freed away from the request that dropped them.
constexpr size_t kLargeValue = 256 * 1024;

}  // namespace ringkv::storage
