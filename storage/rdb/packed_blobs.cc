// SPDX-License-Identifier: MIT
#include "storage/rdb/packed_blobs.h"

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/byte_codec.h"
#include "storage/types/listpack.h"

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

std::string Decimal(int64_t value) { return std::to_string(value); }

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
    case 0xc0: return Decimal(SignedLittle(reader, 2));
    case 0xd0: return Decimal(SignedLittle(reader, 4));
    case 0xe0: return Decimal(SignedLittle(reader, 8));
    case 0xf0: return Decimal(SignedLittle(reader, 3));
    case 0xfe: return Decimal(SignedLittle(reader, 1));
    default: break;
  }
  if (head > 0xf0 && head < 0xfe) return Decimal(head - 0xf1);
  return std::nullopt;
}

// --- zipmap ---------------------------------------------------------------------------------------------------------

constexpr uint8_t kZipmapWide = 0xfe;

// A length is one byte, or a mark and four more if it does not fit; redis-server refuses another way to write it.
std::optional<uint64_t> ZipmapLength(ByteReader& reader) {
  const auto first = reader.Fixed<uint8_t>();
  if (first < kZipmapWide) return first;
  const auto wide = reader.Fixed<uint32_t>();
  return wide >= kZipmapWide ? std::optional<uint64_t>(wide) : std::nullopt;
}

}  // namespace

bool ReadListpack(std::string_view blob, TextList* elements) {
  if (!IsListpack(blob)) return false;
  for (ListpackCursor cursor(blob); !cursor.AtEnd(); cursor.Next()) {
    elements->Add(ListpackText(cursor.element()));
  }
  return true;
}

bool ReadZiplist(std::string_view blob, TextList* elements) {
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
    elements->Add(*element);
  }
  return reader.ok() && reader.rest().size() == 1 && (count == kUncounted || count == found);
}

// What stands behind the end mark is ignored up to another one, as redis-server does.
bool ReadZipmap(std::string_view blob, TextList* elements) {
  ByteReader reader(blob);
  const auto count = reader.Fixed<uint8_t>();
  if (blob.size() < 2 || static_cast<uint8_t>(blob.back()) != kEnd) return false;
  size_t found = 0;
  for (; !reader.AtEnd() && static_cast<uint8_t>(reader.rest()[0]) != kEnd; ++found) {
    const std::optional<uint64_t> field_bytes = ZipmapLength(reader);
    if (!field_bytes) return false;
    elements->Add(reader.Bytes(*field_bytes));
    const std::optional<uint64_t> value_bytes = ZipmapLength(reader);
    if (!value_bytes) return false;
    const auto unused = reader.Fixed<uint8_t>();
    elements->Add(reader.Bytes(*value_bytes));
    reader.Bytes(unused);
    if (!reader.ok()) return false;
  }
  return !reader.AtEnd() && found > 0 && (count == kZipmapWide || count == found);
}

bool ReadIntset(std::string_view blob, TextList* elements) {
  ByteReader reader(blob);
  const auto width = reader.Fixed<uint32_t>();
  const auto count = reader.Fixed<uint32_t>();
  if ((width != 2 && width != 4 && width != 8) || reader.rest().size() != uint64_t{width} * count) return false;
  for (uint32_t i = 0; i < count; ++i) elements->Add(Decimal(SignedLittle(reader, width)));
  return true;
}

}  // namespace ringkv::storage
