// SPDX-License-Identifier: MIT
#include "server/lua/sha1.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace ringkv::server {

namespace {

uint32_t BigEndian(const char* bytes) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return __builtin_bswap32(word);
}

}  // namespace

void Sha1::AddBlock(const char* block) {
  std::array<uint32_t, 80> words;
  for (size_t i = 0; i < 16; ++i) words[i] = BigEndian(block + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  uint32_t a = state_[0];
  uint32_t b = state_[1];
  uint32_t c = state_[2];
  uint32_t d = state_[3];
  uint32_t e = state_[4];
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
  const std::array<uint32_t, 5> added{a, b, c, d, e};
  for (size_t i = 0; i < state_.size(); ++i) state_[i] += added[i];
}

void Sha1::AddBlocks(std::string_view bytes) {
  for (size_t i = 0; i + kBlockBytes <= bytes.size(); i += kBlockBytes) AddBlock(bytes.data() + i);
  bytes_ += bytes.size();
}

// Behind the last whole block come the rest, the end mark, and the length in bits.
std::array<char, 40> Sha1::End(std::string_view last) {
  AddBlocks(last);
  const std::string_view rest = last.substr(last.size() / kBlockBytes * kBlockBytes);
  std::array<char, 2 * kBlockBytes> end{};
  if (!rest.empty()) std::memcpy(end.data(), rest.data(), rest.size());
  end[rest.size()] = static_cast<char>(0x80);
  const size_t size = rest.size() + 1 + 8 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  const uint64_t bits = __builtin_bswap64(bytes_ * 8);
  std::memcpy(end.data() + size - sizeof bits, &bits, sizeof bits);
  for (size_t i = 0; i < size; i += kBlockBytes) AddBlock(end.data() + i);
  std::array<char, 40> digits;
  for (size_t i = 0; i < digits.size(); ++i) {
    digits[i] = "0123456789abcdef"[state_[i / 8] >> (28 - 4 * (i % 8)) & 15];
  }
  return digits;
}

}  // namespace ringkv::server
