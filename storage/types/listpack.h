// SPDX-License-Identifier: MIT
// Redis' listpack: texts and integers in a contiguous block, readable in both directions.
//
//   size in bytes (32 bits), number of elements (16 bits, 0xffff: unknown), elements, 0xff
//   an element: one or more bytes with its kind, its bytes, and the length of both, encoded backwards
//
// A text that is a canonical integer is stored as an integer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/types/integer_set.h"

namespace ringkv::storage {

constexpr size_t kListpackHead = 6;

// An element of well-formed bytes.
class ListpackElement {
 public:
  // `at` is its first byte.
  explicit ListpackElement(const char* at);

  bool is_integer() const { return is_integer_; }
  int64_t integer() const { return integer_; }
  // Its bytes, if it is not an integer.
  std::string_view text() const { return text_; }
  // The size up to the next element.
  size_t size() const { return size_; }

 private:
  std::string_view text_;
  int64_t integer_ = 0;
  size_t size_ = 0;
  bool is_integer_ = false;
};

// An element as text; valid as long as this object and the element's bytes.
class ListpackText {
 public:
  explicit ListpackText(const ListpackElement& element) : digits_(element.integer()) {
    text_ = element.is_integer() ? std::string_view(digits_) : element.text();
  }
  ListpackText(const ListpackText&) = delete;
  ListpackText& operator=(const ListpackText&) = delete;
  operator std::string_view() const { return text_; }

 private:
  IntegerText digits_;
  std::string_view text_;
};

// Walks well-formed bytes.
class ListpackCursor {
 public:
  explicit ListpackCursor(std::string_view listpack, size_t offset = kListpackHead)
      : listpack_(listpack), offset_(offset) {}
  static ListpackCursor AtBack(std::string_view listpack) { return ListpackCursor(listpack, listpack.size() - 1); }

  bool AtEnd() const { return offset_ == listpack_.size() - 1; }
  bool AtFront() const { return offset_ == kListpackHead; }
  size_t offset() const { return offset_; }
  ListpackElement element() const { return ListpackElement(listpack_.data() + offset_); }
  void Next() { offset_ += element().size(); }
  void Back();
  // Returns the element and advances the cursor.
  ListpackElement Take() {
    const ListpackElement taken = element();
    offset_ += taken.size();
    return taken;
  }
  int64_t TakeInteger() { return Take().integer(); }

 private:
  std::string_view listpack_;
  size_t offset_;
};

// Whether untrusted bytes are a complete, valid listpack without trailing bytes.
bool IsListpack(std::string_view bytes);

// Modifies a listpack in place.
class ListpackEditor {
 public:
  // `bytes` must outlive the object; empty bytes become an empty listpack.
  explicit ListpackEditor(std::string* bytes);
  // Writes the end mark.
  ~ListpackEditor();
  ListpackEditor(const ListpackEditor&) = delete;
  ListpackEditor& operator=(const ListpackEditor&) = delete;

  // Appends at the end.
  void AppendText(std::string_view text);
  void AppendInteger(int64_t integer);
  // Replaces the element at `offset`.
  void ReplaceInteger(size_t offset, int64_t integer);

 private:
  void Added();

  std::string& bytes_;
};

}  // namespace ringkv::storage
