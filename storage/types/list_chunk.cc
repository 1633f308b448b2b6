// SPDX-License-Identifier: MIT
#include "storage/types/list_chunk.h"

#include <lzf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "storage/base/allocator.h"
#include "storage/base/check.h"
#include "storage/entry/lzf.h"

namespace ringkv::storage {

bool AreListElements(std::string_view bytes, size_t count) {
  while (!bytes.empty() && count > 0) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (first <= kLongestShortElement) [[likely]] {
      const size_t before_end = 1 + size_t{first};
      if (before_end >= bytes.size() || static_cast<unsigned char>(bytes[before_end]) != before_end) return false;
      bytes.remove_prefix(before_end + 1);
      --count;
      continue;
    }
    size_t length = 0;
    size_t at = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at == bytes.size() || shift > 28) return false;
      const auto byte = static_cast<unsigned char>(bytes[at++]);
      length |= static_cast<size_t>(byte & 0x7fu) << shift;
      if (byte < 0x80) break;
    }
    const size_t front = at + length;
    const size_t back = VarintSize(front);
    // The one way of writing it: a cursor relies on both lengths.
    if (at != VarintSize(length) || front > bytes.size() || back > bytes.size() - front) return false;
    for (size_t i = 0; i < back; ++i) {
      const size_t part = (front >> (7 * (back - 1 - i)) & 0x7f) | (i == 0 ? 0u : 0x80u);
      if (static_cast<unsigned char>(bytes[front + i]) != part) return false;
    }
    bytes.remove_prefix(front + back);
    --count;
  }
  return bytes.empty() && count == 0;
}

// What each step of it waits for is the length of the element at hand: nothing else stands in its way.
std::optional<size_t> FindListElement(std::string_view elements, std::string_view wanted) {
  const char last = wanted.empty() ? '\0' : wanted.back();
  const char* at = elements.data();
  const char* const end = at + elements.size();
  for (size_t index = 0; at != end; ++index) {
    const size_t length = static_cast<unsigned char>(*at);
    if (length > kLongestShortElement) [[unlikely]] {
      const ListCursor cursor(elements, static_cast<size_t>(at - elements.data()));
      if (cursor.element() == wanted) return index;
      at += cursor.element_size();
      continue;
    }
    // The last byte differs more often than others; that of an empty element is its length.
    if (length == wanted.size() && at[length] == last && std::memcmp(at + 1, wanted.data(), length) == 0) return index;
    at += length + 2;
  }
  return std::nullopt;
}

ListChunk::ListChunk(std::string_view elements, uint32_t count) : count_(count) {
  Reserve(elements.size(), false);
  if (!elements.empty()) std::memcpy(data_ + begin_, elements.data(), elements.size());
  end_ = begin_ + elements.size();
}

ListChunk::~ListChunk() {
  if (data_ != nullptr) FreeBytes(data_, capacity_);
}

std::string_view ListChunk::Read(std::string* buffer) const {
  if (!is_compressed()) return elements();
  buffer->resize(raw_bytes_);
  RINGKV_CHECK(DecompressLzf({data_, end_}, buffer->data(), raw_bytes_));
  return *buffer;
}

void ListChunk::CopyTo(FoldedBytes* out) const {
  if (is_compressed()) return out->AppendFolded({data_, end_}, raw_bytes_);
  out->plain()->append(elements());
}

void ListChunk::Compress() {
  if (!is_compressed()) Fold(elements());
}

ListChunk ListChunk::Compressed(std::string_view elements, uint32_t count) {
  ListChunk chunk;
  if (!chunk.Fold(elements)) return {elements, count};
  chunk.count_ = count;
  return chunk;
}

bool ListChunk::Fold(std::string_view raw) {
  constexpr size_t kWorthIt = 1024;
  if (raw.size() < kWorthIt || raw.size() > UINT32_MAX) return false;
  const size_t most = raw.size() * 3 / 4;
  std::array<char, 8192> usual;
  std::string unusual;
  if (most > usual.size()) unusual.resize(most);
  char* packed = unusual.empty() ? usual.data() : unusual.data();
  const unsigned size =
      lzf_compress(raw.data(), static_cast<unsigned>(raw.size()), packed, static_cast<unsigned>(most));
  if (size == 0) return false;
  raw_bytes_ = static_cast<uint32_t>(raw.size());
  Replace(AllocationSize(size));
  std::memcpy(data_, packed, size);
  end_ = size;
  return true;
}

void ListChunk::Open() {
  if (!is_compressed()) return;
  std::string raw;
  Read(&raw);
  Replace(AllocationSize(raw.size()));
  std::memcpy(data_, raw.data(), raw.size());
  raw_bytes_ = 0;
  end_ = raw.size();
}

void ListChunk::Replace(size_t capacity) {
  if (data_ != nullptr) FreeBytes(data_, capacity_);
  data_ = static_cast<char*>(AllocateBytes(capacity));
  capacity_ = capacity;
  begin_ = 0;
}

void ListChunk::Reserve(size_t bytes, bool in_front) {
  const size_t used = end_ - begin_;
  const size_t free = in_front ? begin_ : capacity_ - end_;
  if (free >= bytes) return;
  // Half as much again, so that what grows is moved a few times only, but no more than a usual chunk holds.
  constexpr size_t kUsualBytes = 8192;
  const size_t needed = used + bytes;
  const size_t reserve = needed < kUsualBytes ? std::min(used / 2, kUsualBytes - needed) : used / 8;
  const size_t capacity = AllocationSize(std::max(needed + reserve, size_t{64}));
  auto* data = static_cast<char*>(AllocateBytes(capacity));
  const size_t begin = in_front ? capacity - used : 0;
  if (used > 0) std::memcpy(data + begin, data_ + begin_, used);
  if (data_ != nullptr) FreeBytes(data_, capacity_);
  data_ = data;
  capacity_ = capacity;
  begin_ = begin;
  end_ = begin + used;
}

void ListChunk::PushFront(std::string_view element) {
  const size_t size = ListElementSize(element);
  Reserve(size, true);
  begin_ -= size;
  WriteListElement(data_ + begin_, element);
  ++count_;
}

void ListChunk::PushBack(std::string_view element) {
  const size_t size = ListElementSize(element);
  Reserve(size, false);
  WriteListElement(data_ + end_, element);
  end_ += size;
  ++count_;
}

void ListChunk::InsertAt(size_t offset, std::string_view element) {
  const size_t size = ListElementSize(element);
  Reserve(size, false);
  char* place = data_ + begin_ + offset;
  std::memmove(place + size, place, elements().size() - offset);
  WriteListElement(place, element);
  end_ += size;
  ++count_;
}

void ListChunk::EraseAt(size_t offset, size_t bytes, uint32_t elements) {
  count_ -= elements;
  if (offset == 0) {
    begin_ += bytes;
    return;
  }
  char* place = data_ + begin_ + offset;
  std::memmove(place, place + bytes, this->elements().size() - offset - bytes);
  end_ -= bytes;
}

void ListChunk::ReplaceAt(size_t offset, size_t bytes, std::string_view element) {
  const size_t size = ListElementSize(element);
  if (size > bytes) Reserve(size - bytes, false);
  char* place = data_ + begin_ + offset;
  if (size != bytes) std::memmove(place + size, place + bytes, elements().size() - offset - bytes);
  WriteListElement(place, element);
  end_ = end_ + size - bytes;
}

void ListChunk::Shrink() {
  if (elements().size() < capacity_ / 2) *this = ListChunk(elements(), count_);
}

ListChunk ListChunk::SplitAt(size_t offset, uint32_t elements_before) {
  ListChunk behind(elements().substr(offset), count_ - elements_before);
  end_ = begin_ + offset;
  count_ = elements_before;
  return behind;
}

}  // namespace ringkv::storage
