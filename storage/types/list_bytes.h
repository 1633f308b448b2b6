// SPDX-License-Identifier: MIT
// Packed elements of a list, readable in both directions. Each is its length (LEB128), its bytes, then the size of
// both, encoded backwards: the lowest seven bits last, and the high bit of a byte says that the byte before it belongs
// to the number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/entry/packed.h"

namespace ringkv::storage {

// In bytes, if both lengths have one byte.
constexpr size_t kLongestShortElement = 126;

inline size_t ListElementSize(std::string_view element) {
  const size_t front = PackedTextSize(element);
  return front + VarintSize(front);
}

// Returns the address after it.
inline char* WriteListElement(char* at, std::string_view element) {
  char* end = WritePackedText(at, element);
  const auto front = static_cast<size_t>(end - at);
  const size_t back = VarintSize(front);
  for (size_t i = 0; i < back; ++i) {
    const size_t part = front >> (7 * (back - 1 - i)) & 0x7f;
    *end++ = static_cast<char>(part | (i == 0 ? 0u : 0x80u));
  }
  return end;
}

inline void AppendListElement(std::string* out, std::string_view element) {
  const size_t start = out->size();
  out->resize(start + ListElementSize(element));
  WriteListElement(out->data() + start, element);
}

// A cursor over elements, in both directions: on an element, or at the end.
class ListCursor {
 public:
  explicit ListCursor(std::string_view elements, size_t offset = 0) : bytes_(elements), at_(offset) {}
  static ListCursor AtBack(std::string_view elements) { return ListCursor(elements, elements.size()); }

  bool AtEnd() const { return at_ == bytes_.size(); }
  bool AtFront() const { return at_ == 0; }
  size_t offset() const { return at_; }
  std::string_view element() const {
    size_t length_bytes = 1;
    auto length = static_cast<size_t>(static_cast<unsigned char>(bytes_[at_]));
    if (length >= 0x80) length = LongLength(&length_bytes);
    return bytes_.substr(at_ + length_bytes, length);
  }
  // The size of the element with its lengths.
  size_t element_size() const {
    const auto length = static_cast<size_t>(static_cast<unsigned char>(bytes_[at_]));
    if (length <= kLongestShortElement) return length + 2;
    const std::string_view bytes = element();
    const size_t front = static_cast<size_t>(bytes.data() + bytes.size() - bytes_.data()) - at_;
    return front + VarintSize(front);
  }
  void Next() { at_ += element_size(); }
  // Moves to the previous element.
  void Back() {
    size_t back = 1;
    size_t front = static_cast<unsigned char>(bytes_[at_ - 1]) & 0x7fu;
    while ((static_cast<unsigned char>(bytes_[at_ - back]) & 0x80u) != 0) {
      ++back;
      front |= (static_cast<size_t>(static_cast<unsigned char>(bytes_[at_ - back])) & 0x7fu) << (7 * (back - 1));
    }
    at_ -= front + back;
  }

 private:
  size_t LongLength(size_t* length_bytes) const {
    size_t length = 0;
    size_t i = 0;
    for (;; ++i) {
      const auto byte = static_cast<unsigned char>(bytes_[at_ + i]);
      length |= static_cast<size_t>(byte & 0x7fu) << (7 * i);
      if (byte < 0x80) break;
    }
    *length_bytes = i + 1;
    return length;
  }

  std::string_view bytes_;
  size_t at_;
};

// The index of the first equal element.
std::optional<size_t> FindListElement(std::string_view elements, std::string_view wanted);

// Whether untrusted bytes are exactly this number of elements.
bool AreListElements(std::string_view bytes, size_t count);

// A cursor on the element with this index of `count`, or at the end; searches from the nearer side.
inline ListCursor ListCursorAt(std::string_view elements, size_t count, size_t index) {
  if (index <= count / 2) {
    ListCursor cursor(elements);
    for (; index > 0; --index) cursor.Next();
    return cursor;
  }
  ListCursor cursor = ListCursor::AtBack(elements);
  for (size_t i = count; i > index; --i) cursor.Back();
  return cursor;
}

}  // namespace ringkv::storage
