// SPDX-License-Identifier: MIT
// The packed form of collections: the number of elements (32 bits), then the elements. Small collections have it in
// their entry; all collections have it in snapshots and in the log.
//
//   texts      each its length (LEB128) and its bytes
//   a hash     field, value, field, value, ... in the order of insertion; with fields that expire, see field_expiry.h
//   a set      members, in the order of insertion
//   sorted set member and score, ascending (see score_code.h)
//   a list     elements with their length at both ends (see list_bytes.h)
//
// Bytes in an entry are well-formed: untrusted bytes are validated first (see collection.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringkv::storage {

constexpr size_t kPackedHead = sizeof(uint32_t);

constexpr std::string_view kEmptyPacked("\0\0\0\0", kPackedHead);

inline uint32_t PackedCount(std::string_view packed) {
  uint32_t count;
  std::memcpy(&count, packed.data(), sizeof count);
  return count;
}

inline size_t VarintSize(uint64_t number) {
  size_t size = 1;
  while (number >= 0x80) {
    number >>= 7;
    ++size;
  }
  return size;
}

// Returns the address after it.
inline char* WriteVarint(char* at, uint64_t number) {
  while (number >= 0x80) {
    *at++ = static_cast<char>(number | 0x80);
    number >>= 7;
  }
  *at++ = static_cast<char>(number);
  return at;
}

inline size_t PackedTextSize(std::string_view text) { return VarintSize(text.size()) + text.size(); }

inline char* WritePackedText(char* at, std::string_view text) {
  at = WriteVarint(at, text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

inline void AppendPackedHead(std::string* out, size_t count) {
  const auto head = static_cast<uint32_t>(count);
  out->append(reinterpret_cast<const char*>(&head), sizeof head);
}

// Reads well-formed bytes forward.
class PackedReader {
 public:
  explicit PackedReader(std::string_view packed)
      : start_(packed.data()), at_(start_ + kPackedHead), end_(start_ + packed.size()) {}

  bool AtEnd() const { return at_ == end_; }
  size_t offset() const { return static_cast<size_t>(at_ - start_); }
  uint64_t Varint() {
    auto byte = static_cast<unsigned char>(*at_++);
    if (byte < 0x80) return byte;
    uint64_t number = byte & 0x7fu;
    for (unsigned shift = 7;; shift += 7) {
      byte = static_cast<unsigned char>(*at_++);
      number |= static_cast<uint64_t>(byte & 0x7fu) << shift;
      if (byte < 0x80) return number;
    }
  }
  std::string_view Text() { return Bytes(Varint()); }
  std::string_view Bytes(size_t size) {
    const std::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }

 private:
  const char* start_;
  const char* at_;
  const char* end_;
};

}  // namespace ringkv::storage
