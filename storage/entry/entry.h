// SPDX-License-Identifier: MIT
// One key with its value, in one allocation; of a large collection, a pointer to it.
//
//   offset  bytes  what
//   0       1      flags: type (3 bits), has fields that expire, has expiry, long lengths, form (2 bits)
//   1       3      access: when it was last used, or how often (see access.h)
//   4       4      lengths: key (1 byte) and value (3 bytes); with long lengths: the value's alone
//   8       8      expiry, if it has one: milliseconds since 1970
//   ...     4      the key's length, with long lengths only
//   ...            the key's bytes, then the value's
//
// So a key of 16 bytes with a value of 8 is exactly 32 bytes. This class only reads; MutableEntry writes.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "storage/base/clock.h"

namespace ringkv::storage {

class LargeValue;

enum class ValueType : uint8_t { kString = 0, kHash = 1, kList = 2, kSet = 3, kSortedSet = 4, kStream = 5 };

// How OBJECT ENCODING has to call a string, as far as its bytes don't tell.
enum class StringForm : uint8_t {
  kPlain = 0,    // "int" if it reads as one, else "embstr" or "raw" by length
  kText = 1,     // never "int"
  kPatched = 2,  // "raw": it was changed in place
  kCopied = 3,   // like kPlain, but never one of the shared integers (see IsSharedInteger)
};

// How a collection is kept.
enum class CollectionForm : uint8_t {
  kPacked = 0,    // the value is its elements, see entry/packed.h
  kLarge = 1,     // the value is a pointer to a LargeValue, which the entry owns
  kIntegers = 2,  // a set of integers in their order, see types/integer_set.h
};

// The kind of a value: type and form, and of a hash whether it has fields that expire; six bits of an entry.
class ValueKind {
 public:
  constexpr ValueKind(StringForm form) : form_(static_cast<uint8_t>(form)) {}
  constexpr ValueKind(ValueType type, CollectionForm form, bool has_field_expiry = false)
      : type_(type), form_(static_cast<uint8_t>(form)), has_field_expiry_(has_field_expiry) {}
  // From the lower three bits, the one above them, and the next two.
  constexpr explicit ValueKind(uint8_t bits)
      : type_(static_cast<ValueType>(bits & 0x07)),
        form_(static_cast<uint8_t>(bits >> 4 & 3)),
        has_field_expiry_((bits & 0x08) != 0) {}

  constexpr ValueType type() const { return type_; }
  constexpr StringForm string_form() const { return static_cast<StringForm>(form_); }
  constexpr CollectionForm form() const { return static_cast<CollectionForm>(form_); }
  constexpr bool has_field_expiry() const { return has_field_expiry_; }
  constexpr uint8_t bits() const {
    return static_cast<uint8_t>(static_cast<unsigned>(type_) | (has_field_expiry_ ? 0x08u : 0u) |
                                static_cast<unsigned>(form_) << 4);
  }
  constexpr ValueKind With(CollectionForm form) const { return {type_, form, has_field_expiry_}; }
  constexpr ValueKind WithFieldExpiry(bool has_field_expiry) const { return {type_, form(), has_field_expiry}; }
  constexpr bool is_large() const { return type_ != ValueType::kString && form() == CollectionForm::kLarge; }
  constexpr bool operator==(const ValueKind&) const = default;

 private:
  ValueType type_ = ValueType::kString;
  uint8_t form_ = 0;
  bool has_field_expiry_ = false;
};

constexpr UnixMs kNoExpiry = std::numeric_limits<UnixMs>::min();

class Entry {
 public:
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const { return {bytes() + HeaderSize(), KeyLength()}; }
  // Of a string its bytes, of a collection what its form says.
  std::string_view value() const { return {bytes() + HeaderSize() + KeyLength(), ValueLength()}; }
  ValueType type() const { return static_cast<ValueType>(meta_ & kTypeMask); }
  ValueKind kind() const { return ValueKind(static_cast<uint8_t>((meta_ & kLowKindMask) | (meta_ >> 2 & 0x30))); }
  StringForm form() const { return kind().string_form(); }
  // Only if the kind is large.
  LargeValue& large() const {
    LargeValue* large;
    std::memcpy(&large, value().data(), sizeof(void*));
    return *large;
  }
  // Whether it is a hash with fields that expire.
  bool has_field_expiry() const { return (meta_ & kHasFieldExpiry) != 0; }
  bool has_expiry() const { return (meta_ & kHasExpiry) != 0; }
  // kNoExpiry if it has none.
  UnixMs expiry() const {
    if (!has_expiry()) return kNoExpiry;
    UnixMs expiry;
    std::memcpy(&expiry, bytes() + kBaseSize, sizeof expiry);
    return expiry;
  }
  bool IsExpired(UnixMs now) const { return has_expiry() && expiry() <= now; }
  uint32_t access() const { return meta_ >> kAccessShift; }

  // Bytes that the allocation asked for.
  size_t TotalSize() const { return HeaderSize() + KeyLength() + ValueLength(); }
  // Those, and what a large value has beside them.
  size_t MemorySize() const;

  // A key compared without computing more than is needed.
  bool KeyEquals(std::string_view other) const {
    return std::string_view(bytes() + HeaderSize(), KeyLength()) == other;
  }

 protected:
  static constexpr uint32_t kTypeMask = 0x07;
  static constexpr uint32_t kHasFieldExpiry = 0x08;
  static constexpr uint32_t kLowKindMask = kTypeMask | kHasFieldExpiry;
  static constexpr uint32_t kHasExpiry = 0x10;
  static constexpr uint32_t kLong = 0x20;
  static constexpr unsigned kFormShift = 6;
  static constexpr unsigned kAccessShift = 8;
  static constexpr size_t kBaseSize = 8;
  static constexpr size_t kShortKey = 0xff;
  static constexpr size_t kShortValue = 0xffffff;

  Entry() = default;
  ~Entry() = default;

  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  size_t HeaderSize() const {
    return kBaseSize + ((meta_ & kHasExpiry) != 0 ? sizeof(UnixMs) : 0) + ((meta_ & kLong) != 0 ? sizeof(uint32_t) : 0);
  }
  size_t KeyLength() const {
    if ((meta_ & kLong) == 0) return lengths_ & kShortKey;
    uint32_t length;
    std::memcpy(&length, bytes() + HeaderSize() - sizeof length, sizeof length);
    return length;
  }
  size_t ValueLength() const { return (meta_ & kLong) == 0 ? lengths_ >> 8 : lengths_; }

  uint32_t meta_;
  uint32_t lengths_;
};

static_assert(sizeof(Entry) == 8);

}  // namespace ringkv::storage
