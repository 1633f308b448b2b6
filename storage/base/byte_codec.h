// SPDX-License-Identifier: MIT
// Encoding of numbers and texts in files: fixed widths in little-endian order, variable widths as LEB128 (seven bits
// per byte, the lowest first).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringkv::storage {

static_assert(std::endian::native == std::endian::little, "files are written in the order of this machine");

template <typename Number>
void PutFixed(std::string* out, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out->append(bytes, sizeof number);
}

constexpr size_t kLongestVarint = 10;  // bytes
inline void PutVarint(std::string* out, uint64_t number) {
  char bytes[kLongestVarint];
  size_t size = 0;
  while (number >= 0x80) {
    bytes[size++] = static_cast<char>(number | 0x80);
    number >>= 7;
  }
  bytes[size++] = static_cast<char>(number);
  out->append(bytes, size);
}

inline void PutText(std::string* out, std::string_view text) {
  PutVarint(out, text.size());
  out->append(text);
}

// Decodes in the same order. After missing bytes, all reads return zero or empty, and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

  template <typename Number>
  Number Fixed() {
    Number number{};
    if (Need(sizeof number)) {
      std::memcpy(&number, bytes_.data(), sizeof number);
      bytes_.remove_prefix(sizeof number);
    }
    return number;
  }

  uint64_t Varint() {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && Need(1); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return number;
    }
    Spoil();
    return 0;
  }

  std::string_view Bytes(uint64_t size) {
    if (!Need(size)) return {};
    const std::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }
  std::string_view Text() { return Bytes(Varint()); }

 private:
  bool Need(uint64_t size) {
    if (bytes_.size() < size) Spoil();
    return ok_;
  }
  void Spoil() {
    ok_ = false;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace ringkv::storage
