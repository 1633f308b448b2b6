// SPDX-License-Identifier: MIT
// Encoding of scores: integers up to 10^15 are twice their zigzag code as LEB128, which is one to three bytes for most;
// other scores are a 1 and the eight bytes of the double.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "storage/entry/packed.h"

namespace ringkv::storage {

constexpr uint64_t kScoreAsDouble = 1;
constexpr size_t kLongestScoreCode = 1 + sizeof(double);

// The code of an integer, or kScoreAsDouble.
inline uint64_t ScoreHead(double score) {
  constexpr double kMost = 1e15;  // integers up to this size are exact
  const bool is_negative_zero = score == 0 && std::signbit(score);
  if (!(std::fabs(score) <= kMost) || score != std::trunc(score) || is_negative_zero) return kScoreAsDouble;
  const auto whole = static_cast<int64_t>(score);
  return (static_cast<uint64_t>(whole) << 1 ^ static_cast<uint64_t>(whole >> 63)) << 1;
}

inline double ScoreOfHead(uint64_t head) {
  const uint64_t zigzag = head >> 1;
  return static_cast<double>(static_cast<int64_t>(zigzag >> 1 ^ (~(zigzag & 1) + 1)));
}

inline size_t ScoreSize(double score) {
  const uint64_t head = ScoreHead(score);
  return head == kScoreAsDouble ? kLongestScoreCode : VarintSize(head);
}

// Returns the address after it.
inline char* WriteScore(char* at, double score) {
  const uint64_t head = ScoreHead(score);
  at = WriteVarint(at, head);
  if (head != kScoreAsDouble) return at;
  std::memcpy(at, &score, sizeof score);
  return at + sizeof score;
}

inline void AppendScored(std::string* out, std::string_view member, double score) {
  const size_t start = out->size();
  out->resize(start + PackedTextSize(member) + ScoreSize(score));
  WriteScore(WritePackedText(out->data() + start, member), score);
}

// For any reader with Varint and Bytes; zero at the end of its bytes.
template <typename Reader>
double ReadScore(Reader& reader) {
  const uint64_t head = reader.Varint();
  if (head != kScoreAsDouble) return ScoreOfHead(head);
  double score = 0;
  const std::string_view bytes = reader.Bytes(sizeof score);
  if (bytes.size() == sizeof score) std::memcpy(&score, bytes.data(), sizeof score);
  return score;
}

}  // namespace ringkv::storage
