// SPDX-License-Identifier: MIT
#include "storage/types/listpack.h"

#include <cstring>

#include "storage/base/byte_codec.h"

namespace ringkv::storage {
namespace {

constexpr char kEnd = '\xff';
constexpr uint16_t kUncounted = 0xffff;

// What stands at the beginning of an element: the kind in the upper bits, in the lower ones a part of the number.
enum Kind : uint8_t {
  kSmallInteger = 0x00,  // 7 bits, not below zero
  kShortText = 0x80,     // 6 bits of length
  kInteger13 = 0xc0,
  kMediumText = 0xe0,  // 12 bits of length
  kLongText = 0xf0,    // 32 bits of length behind it
  kInteger16 = 0xf1,
  kInteger24 = 0xf2,
  kInteger32 = 0xf3,
  kInteger64 = 0xf4,
};

// Size of the backward length of an element. The bounds are Redis'.
constexpr size_t BackwardSize(size_t element_bytes) {
  if (element_bytes <= 127) return 1;
  if (element_bytes < 16383) return 2;
  if (element_bytes < 2097151) return 3;
  return element_bytes < 268435455 ? 4 : 5;
}

// An element's head: how many bytes it takes, and how many follow it.
struct Head {
  size_t bytes = 0;  // 0: it makes no sense
  uint64_t body = 0;
};

Head HeadOf(ByteReader reader) {
  const auto first = reader.Fixed<uint8_t>();
  if (first < kShortText) return {1, 0};
  if (first < kInteger13) return {1, first & 0x3fu};
  if (first < kMediumText) return {1, 1};
  if (first < kLongText) return {2, static_cast<uint64_t>(first & 0x0fu) << 8 | reader.Fixed<uint8_t>()};
  switch (first) {
    case kLongText: return {1 + sizeof(uint32_t), reader.Fixed<uint32_t>()};
    case kInteger16: return {1, 2};
    case kInteger24: return {1, 3};
    case kInteger32: return {1, 4};
    case kInteger64: return {1, 8};
    default: return {};
  }
}

// `size` bytes, the lowest first, with a sign.
int64_t SignedLittle(const char* at, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, at, size);
  const auto unused = static_cast<unsigned>(64 - 8 * size);
  return static_cast<int64_t>(value << unused) >> unused;
}

void AppendBackward(std::string* out, size_t element_bytes) {
  const size_t bytes = BackwardSize(element_bytes);
  for (size_t i = 0; i < bytes; ++i) {
    const size_t part = element_bytes >> 7 * (bytes - 1 - i) & 0x7f;
    out->push_back(static_cast<char>(i == 0 ? part : part | 0x80));
  }
}

void AppendLittle(std::string* out, uint64_t value, size_t size) {
  out->append(reinterpret_cast<const char*>(&value), size);
}

void EncodeInteger(std::string* out, int64_t integer) {
  const size_t start = out->size();
  const auto bits = static_cast<uint64_t>(integer);
  if (integer >= 0 && integer <= 127) {
    out->push_back(static_cast<char>(integer));
  } else if (integer >= -4096 && integer <= 4095) {
    out->push_back(static_cast<char>(kInteger13 | (bits >> 8 & 0x1f)));
    out->push_back(static_cast<char>(bits));
  } else if (integer == static_cast<int16_t>(integer)) {
    out->push_back(static_cast<char>(kInteger16));
    AppendLittle(out, bits, 2);
  } else if (integer >= -(1 << 23) && integer < 1 << 23) {
    out->push_back(static_cast<char>(kInteger24));
    AppendLittle(out, bits, 3);
  } else if (integer == static_cast<int32_t>(integer)) {
    out->push_back(static_cast<char>(kInteger32));
    AppendLittle(out, bits, 4);
  } else {
    out->push_back(static_cast<char>(kInteger64));
    AppendLittle(out, bits, 8);
  }
  AppendBackward(out, out->size() - start);
}

void EncodeText(std::string* out, std::string_view text) {
  const size_t start = out->size();
  if (text.size() < 64) {
    out->push_back(static_cast<char>(kShortText | text.size()));
  } else if (text.size() < 4096) {
    out->push_back(static_cast<char>(kMediumText | text.size() >> 8));
    out->push_back(static_cast<char>(text.size()));
  } else {
    out->push_back(static_cast<char>(kLongText));
    AppendLittle(out, text.size(), sizeof(uint32_t));
  }
  out->append(text);
  AppendBackward(out, out->size() - start);
}

}  // namespace

// --- reading --------------------------------------------------------------------------------------------------------

ListpackElement::ListpackElement(const char* at) {
  const auto first = static_cast<uint8_t>(*at);
  size_t bytes = 0;
  if (first < kShortText) {
    is_integer_ = true;
    integer_ = first;
    bytes = 1;
  } else if (first < kInteger13) {
    text_ = {at + 1, first & 0x3fu};
    bytes = 1 + text_.size();
  } else {
    // The bytes are well-formed, so the head lies within them.
    const Head head = HeadOf(ByteReader(std::string_view(at, 1 + sizeof(uint32_t))));
    bytes = head.bytes + head.body;
    if (first < kMediumText) {
      is_integer_ = true;
      const auto value = static_cast<int64_t>(first & 0x1fu) << 8 | static_cast<uint8_t>(at[1]);
      integer_ = value >= 1 << 12 ? value - (1 << 13) : value;
    } else if (first <= kLongText) {
      text_ = {at + head.bytes, head.body};
    } else {
      is_integer_ = true;
      integer_ = SignedLittle(at + 1, head.body);
    }
  }
  size_ = bytes + BackwardSize(bytes);
}

void ListpackCursor::Back() {
  size_t bytes = 0;
  size_t length_bytes = 0;
  for (;; ++length_bytes) {
    const auto byte = static_cast<unsigned char>(listpack_[offset_ - 1 - length_bytes]);
    bytes |= static_cast<size_t>(byte & 0x7fu) << 7 * length_bytes;
    if (byte < 0x80) break;
  }
  offset_ -= bytes + length_bytes + 1;
}

bool IsListpack(std::string_view listpack) {
  ByteReader reader(listpack);
  const auto bytes = reader.Fixed<uint32_t>();
  const auto count = reader.Fixed<uint16_t>();
  if (!reader.ok() || bytes != listpack.size()) return false;
  size_t found = 0;
  for (; !reader.AtEnd() && reader.rest()[0] != kEnd; ++found) {
    const Head head = HeadOf(reader);
    if (head.bytes == 0) return false;
    const size_t element_bytes = head.bytes + head.body;
    reader.Bytes(element_bytes);
    std::string expected;
    AppendBackward(&expected, element_bytes);
    if (reader.Bytes(expected.size()) != expected || !reader.ok()) return false;
  }
  return reader.Bytes(1).size() == 1 && reader.AtEnd() && (count == kUncounted || count == found);
}

// --- changing -------------------------------------------------------------------------------------------------------

ListpackEditor::ListpackEditor(std::string* bytes) : bytes_(*bytes) {
  if (bytes_.empty()) {
    bytes_.assign(kListpackHead, '\0');
  } else {
    bytes_.pop_back();
  }
}

ListpackEditor::~ListpackEditor() {
  bytes_.push_back(kEnd);
  const auto size = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &size, sizeof size);
}

void ListpackEditor::Added() {
  uint16_t count;
  std::memcpy(&count, bytes_.data() + sizeof(uint32_t), sizeof count);
  if (count != kUncounted) ++count;
  std::memcpy(bytes_.data() + sizeof(uint32_t), &count, sizeof count);
}

void ListpackEditor::AppendInteger(int64_t integer) {
  EncodeInteger(&bytes_, integer);
  Added();
}

void ListpackEditor::AppendText(std::string_view text) {
  const std::optional<int64_t> integer = IntegerMember(text);
  integer ? EncodeInteger(&bytes_, *integer) : EncodeText(&bytes_, text);
  Added();
}

void ListpackEditor::ReplaceInteger(size_t offset, int64_t integer) {
  std::string encoded;
  EncodeInteger(&encoded, integer);
  bytes_.replace(offset, ListpackElement(bytes_.data() + offset).size(), encoded);
}

}  // namespace ringkv::storage
