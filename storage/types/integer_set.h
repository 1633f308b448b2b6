// SPDX-License-Identifier: MIT
// A set of integers as bytes: one byte with their width (2, 4 or 8 bytes), then the integers, ascending.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace ringkv::storage {

// The integer of a member in canonical decimal form.
std::optional<int64_t> IntegerMember(std::string_view member);

class IntegerSetView {
 public:
  explicit IntegerSetView(std::string_view bytes) : bytes_(bytes) {}

  // Whether untrusted bytes are a valid set: complete, ascending, without duplicates.
  static bool IsSound(std::string_view bytes);
  static size_t WidthFor(int64_t value) {
    if (value == static_cast<int16_t>(value)) return sizeof(int16_t);
    return value == static_cast<int32_t>(value) ? sizeof(int32_t) : sizeof(int64_t);
  }

  size_t width() const { return static_cast<unsigned char>(bytes_[0]); }
  size_t size() const { return (bytes_.size() - 1) / width(); }
  int64_t At(size_t index) const;
  // The index of the integer, or of its insertion.
  size_t LowerBound(int64_t value) const;
  bool Contains(int64_t value) const;

 private:
  std::string_view bytes_;
};

// An integer as a member's text.
class IntegerText {
 public:
  explicit IntegerText(int64_t value)
      : size_(static_cast<size_t>(std::to_chars(bytes_, bytes_ + sizeof bytes_, value).ptr - bytes_)) {}
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[20];
  size_t size_;
};

// Writes an integer with this width.
void WriteInteger(char* at, size_t width, int64_t value);

}  // namespace ringkv::storage
