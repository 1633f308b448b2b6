// SPDX-License-Identifier: MIT
#include "server/lua/sha1.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace ringkv::server {

namespace {

constexpr size_t kBlockBytes = 64;

using Sha1State = std::array<uint32_t, 5>;

uint32_t BigEndian(const char* bytes) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return __builtin_bswap32(word);
}

void AddBlock(Sha1State& state, const char* block) {
  std::array<uint32_t, 80> words;
  for (size_t i = 0; i < 16; ++i) words[i] = BigEndian(block + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  uint32_t a = state[0];
  uint32_t b = state[1];
  uint32_t c = state[2];
  uint32_t d = state[3];
  uint32_t e = state[4];
  const auto round = [&](uint32_t mixed, uint32_t constant, uint32_t word) {
    const uint32_t next = std::rotl(a, 5) + mixed + e + constant + word;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (size_t i = 0; i < 20; ++i) round((b & c) | (~b & d), 0x5a827999, words[i]);
  for (size_t i = 20; i < 40; ++i) round(b ^ c ^ d, 0x6ed9eba1, words[i]);
  for (size_t i = 40; i < 60; ++i) round((b & c) | (b & d) | (c & d), 0x8f1bbcdc, words[i]);
  for (size_t i = 60; i < 80; ++i) round(b ^ c ^ d, 0xca62c1d6, words[i]);
  const Sha1State added{a, b, c, d, e};
  for (size_t i = 0; i < state.size(); ++i) state[i] += added[i];
}

// What is behind the last whole block, the end mark, and the length in bits.
void AddEnd(Sha1State& state, std::string_view rest, uint64_t bytes) {
  std::array<char, 2 * kBlockBytes> end{};
  if (!rest.empty()) std::memcpy(end.data(), rest.data(), rest.size());
  end[rest.size()] = static_cast<char>(0x80);
  const size_t size = rest.size() + 1 + 8 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  const uint64_t bits = __builtin_bswap64(bytes * 8);
  std::memcpy(end.data() + size - sizeof bits, &bits, sizeof bits);
  for (size_t i = 0; i < size; i += kBlockBytes) AddBlock(state, end.data() + i);
}

}  // namespace

std::array<char, 40> Sha1Hex(std::string_view bytes) {
  Sha1State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const size_t blocks = bytes.size() / kBlockBytes;
  for (size_t i = 0; i < blocks; ++i) AddBlock(state, bytes.data() + i * kBlockBytes);
  AddEnd(state, bytes.substr(blocks * kBlockBytes), bytes.size());
  std::array<char, 40> digits;
  for (size_t i = 0; i < digits.size(); ++i) {
    digits[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
  }
  return digits;
}

}  // namespace ringkv::server
