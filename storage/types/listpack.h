// SPDX-License-Identifier: MIT
// Redis' listpack: texts and integers in one piece of bytes, to be walked in both directions.
//
//   how many bytes (32 bits), how many elements (16 bits, 0xffff: count them), elements, 0xff
//   an element: a byte or more that say its kind, its bytes, and the length of both together, to be read backwards
//
// A text that reads as an integer is kept as one.
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
  // Its bytes, if it is no integer.
  std::string_view text() const { return text_; }
  // Bytes from its first to that of the next element.
  size_t size() const { return size_; }

 private:
  std::string_view text_;
  int64_t integer_ = 0;
  size_t size_ = 0;
  bool is_integer_ = false;
};

// An element as text, for as long as this and the element's bytes live.
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
  // The element, and the cursor moves on.
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

// Whether bytes from outside are a listpack, whole, with nothing behind it.
bool IsListpack(std::string_view bytes);

// Changes a listpack in place.
class ListpackEditor {
 public:
  // `bytes` must outlive it; empty bytes become an empty listpack.
  explicit ListpackEditor(std::string* bytes);
  // Ends the listpack again.
  ~ListpackEditor();
  ListpackEditor(const ListpackEditor&) = delete;
  ListpackEditor& operator=(const ListpackEditor&) = delete;

  // At the end.
  void AppendText(std::string_view text);
  void AppendInteger(int64_t integer);
  // In the place of the element at `offset`.
  void ReplaceInteger(size_t offset, int64_t integer);

 private:
  void Added();

  std::string& bytes_;
};

}  // namespace ringkv::storage
