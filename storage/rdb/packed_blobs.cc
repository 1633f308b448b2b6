// SPDX-License-Identifier: MIT
#include "storage/rdb/packed_blobs.h"

#include <cstdint>
#include <optional>

#include "storage/byte_codec.h"

namespace ringkv::storage {
namespace {

constexpr uint8_t kEnd = 0xff;

// `size` bytes, the lowest first, with a sign.
int64_t SignedLittle(ByteReader& reader, size_t size) {
  const std::string_view bytes = reader.Bytes(size);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << 8 * i;
  const unsigned unused = static_cast<unsigned>(64 - 8 * size);
  return static_cast<int64_t>(value << unused) >> unused;
}

uint64_t BigEndian(ByteReader& reader, size_t size) {
  uint64_t value = 0;
  for (const char c : reader.Bytes(size)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string IntegerText(int64_t value) { return std::to_string(value); }

// --- listpack -------------------------------------------------------------------------------------------------------

// Nothing if the first byte of an entry makes no sense.
std::optional<std::string> ListpackElement(ByteReader& reader, uint8_t head) {
  if (head < 0x80) return IntegerText(head);
  if (head < 0xc0) return std::string(reader.Bytes(head & 0x3f));
  if (head < 0xe0) {
    const auto value = static_cast<uint32_t>(head & 0x1f) << 8 | reader.Fixed<uint8_t>();
    return IntegerText(value >= 1 << 12 ? static_cast<int64_t>(value) - (1 << 13) : static_cast<int64_t>(value));
  }
  if (head < 0xf0) {
    const uint64_t size = static_cast<uint64_t>(head & 0x0f) << 8 | reader.Fixed<uint8_t>();
    return std::string(reader.Bytes(size));
  }
  switch (head) {
    case 0xf0: return std::string(reader.Bytes(reader.Fixed<uint32_t>()));
    case 0xf1: return IntegerText(SignedLittle(reader, 2));
    case 0xf2: return IntegerText(SignedLittle(reader, 3));
    case 0xf3: return IntegerText(SignedLittle(reader, 4));
    case 0xf4: return IntegerText(SignedLittle(reader, 8));
    default: return std::nullopt;
  }
}

// The size of an element stands behind it too, for who walks backwards.
size_t BackwardBytes(size_t element_bytes) {
  size_t bytes = 1;
  for (size_t limit = 1 << 7; element_bytes >= limit && bytes < 5; limit <<= 7) ++bytes;
  return bytes;
}

// --- ziplist --------------------------------------------------------------------------------------------------------

std::optional<std::string> ZiplistElement(ByteReader& reader) {
  constexpr uint8_t kWidePrevious = 0xfe;
  if (reader.Fixed<uint8_t>() == kWidePrevious) reader.Fixed<uint32_t>();
  const auto head = reader.Fixed<uint8_t>();
  switch (head >> 6) {
    case 0: return std::string(reader.Bytes(head & 0x3f));
    case 1: return std::string(reader.Bytes(static_cast<uint64_t>(head & 0x3f) << 8 | reader.Fixed<uint8_t>()));
    case 2: return std::string(reader.Bytes(BigEndian(reader, 4)));
    default: break;
  }
  switch (head) {
    case 0xc0: return IntegerText(SignedLittle(reader, 2));
    case 0xd0: return IntegerText(SignedLittle(reader, 4));
    case 0xe0: return IntegerText(SignedLittle(reader, 8));
    case 0xf0: return IntegerText(SignedLittle(reader, 3));
    case 0xfe: return IntegerText(SignedLittle(reader, 1));
    default: break;
  }
  if (head > 0xf0 && head < 0xfe) return IntegerText(head - 0xf1);
  return std::nullopt;
}

}  // namespace

bool ReadListpack(std::string_view blob, std::vector<std::string>* elements) {
  constexpr uint16_t kUncounted = 0xffff;
  ByteReader reader(blob);
  const auto bytes = reader.Fixed<uint32_t>();
  const auto count = reader.Fixed<uint16_t>();
  if (bytes != blob.size()) return false;
  size_t found = 0;
  for (;; ++found) {
    const size_t before = reader.rest().size();
    const auto head = reader.Fixed<uint8_t>();
    if (!reader.ok() || head == kEnd) break;
    std::optional<std::string> element = ListpackElement(reader, head);
    if (!element || !reader.ok()) return false;
    reader.Bytes(BackwardBytes(before - reader.rest().size()));
    elements->push_back(std::move(*element));
  }
  return reader.ok() && reader.AtEnd() && (count == kUncounted || count == found);
}

bool ReadZiplist(std::string_view blob, std::vector<std::string>* elements) {
  constexpr uint16_t kUncounted = 0xffff;
  ByteReader reader(blob);
  const auto bytes = reader.Fixed<uint32_t>();
  reader.Fixed<uint32_t>();  // where the last element stands
  const auto count = reader.Fixed<uint16_t>();
  if (bytes != blob.size()) return false;
  size_t found = 0;
  for (; reader.ok() && static_cast<uint8_t>(reader.AtEnd() ? 0 : reader.rest()[0]) != kEnd; ++found) {
    std::optional<std::string> element = ZiplistElement(reader);
    if (!element || !reader.ok()) return false;
    elements->push_back(std::move(*element));
  }
  return reader.ok() && reader.rest().size() == 1 && (count == kUncounted || count == found);
}

bool ReadIntset(std::string_view blob, std::vector<std::string>* elements) {
  ByteReader reader(blob);
  const auto width = reader.Fixed<uint32_t>();
  const auto count = reader.Fixed<uint32_t>();
  if ((width != 2 && width != 4 && width != 8) || reader.rest().size() != uint64_t{width} * count) return false;
  for (uint32_t i = 0; i < count; ++i) elements->push_back(IntegerText(SignedLittle(reader, width)));
  return true;
}

}  // namespace ringkv::storage
