// SPDX-License-Identifier: MIT
// SHA-1 (RFC 3174): the names of scripts, and redis.sha1hex.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::server {

// Of bytes that come in pieces.
class Sha1 {
 public:
  static constexpr size_t kBlockBytes = 64;

  // All pieces but the last one are whole blocks.
  void AddBlocks(std::string_view bytes);
  // 40 hexadecimal digits in lower case, of all blocks and the last piece.
  std::array<char, 40> End(std::string_view last);

 private:
  void AddBlock(const char* block);

  std::array<uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  uint64_t bytes_ = 0;
};

inline std::array<char, 40> Sha1Hex(std::string_view bytes) { return Sha1().End(bytes); }

}  // namespace ringkv::server
