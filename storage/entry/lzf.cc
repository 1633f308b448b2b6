// SPDX-License-Identifier: MIT
#include "storage/entry/lzf.h"

#include <cstring>

namespace ringkv::storage {
namespace {

constexpr size_t kBlock = 16;         // bytes that are copied at once, also if fewer are needed
constexpr size_t kMostLiterals = 32;  // in a row

// `length` bytes from `distance` before; there is room for `room`.
void CopyBefore(char* to, size_t distance, size_t length, size_t room) {
  const char* from = to - distance;
  if (distance >= kBlock && room >= length + kBlock) {
    for (size_t at = 0; at < length; at += kBlock) std::memcpy(to + at, from + at, kBlock);
  } else {
    for (size_t at = 0; at < length; ++at) to[at] = from[at];
  }
}

}  // namespace

bool DecompressLzf(std::string_view compressed, char* to, size_t raw_bytes) {
  const auto* in = reinterpret_cast<const unsigned char*>(compressed.data());
  const unsigned char* const in_end = in + compressed.size();
  char* out = to;
  char* const out_end = to + raw_bytes;
  while (in != in_end) {
    const size_t head = *in++;
    const auto left = static_cast<size_t>(in_end - in);
    const auto room = static_cast<size_t>(out_end - out);
    if (head < kMostLiterals) {
      const size_t count = head + 1;
      if (count > left || count > room) return false;
      if (left >= kMostLiterals && room >= kMostLiterals) {
        std::memcpy(out, in, kMostLiterals);
      } else {
        std::memcpy(out, in, count);
      }
      in += count;
      out += count;
      continue;
    }
    size_t length = (head >> 5) + 2;
    if (left < (length == 9 ? 2u : 1u)) return false;
    if (length == 9) length += *in++;
    const size_t distance = ((head & 0x1f) << 8 | *in++) + 1;
    if (distance > static_cast<size_t>(out - to) || length > room) return false;
    CopyBefore(out, distance, length, room);
    out += length;
  }
  return out == out_end;
}

}  // namespace ringkv::storage
