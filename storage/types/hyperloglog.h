// SPDX-License-Identifier: MIT
// HyperLogLog: about how many different elements were added, in the format that Redis keeps in a string.
//
//   "HYLL", how the registers stand (1 byte: 0 dense, 1 sparse), 3 bytes of zeros, the count as it was last computed (8
//   bytes, the lowest first; the uppermost bit says that it is out of date), then 16384 registers:
//     dense   6 bits each, the lowest first
//     sparse  runs: 00cccccc so many zeros; 01cccccc cccccccc likewise, up to 16384; 1vvvvvcc so many of the value v;
//             counts and values are one more than what stands there
//
// The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringkv::storage {

class HyperLogLog {
 public:
  static constexpr size_t kRegisters = 16384;
  using Registers = std::array<uint8_t, kRegisters>;

  // Whether a string looks like one; its sparse registers may still make no sense.
  static bool IsOne(std::string_view bytes);
  // One that has counted nothing, sparse.
  static std::string Empty();

  // `bytes` must be one and outlive it. It becomes dense when it would grow beyond `sparse_bytes`.
  HyperLogLog(std::string* bytes, size_t sparse_bytes) : bytes_(*bytes), sparse_bytes_(sparse_bytes) {}

  // What an element does: the register of this number has this value at least.
  struct Mark {
    size_t number;
    uint8_t value;
  };
  static Mark MarkOf(std::string_view element);

  enum class Outcome : uint8_t { kUnchanged, kChanged, kCorrupt };
  Outcome Raise(const Mark& mark);
  // False if it is corrupt.
  bool BecomeDense();
  void Outdate();

 private:
  bool is_dense() const;
  Outcome RaiseSparse(const Mark& mark);
  Outcome RaiseDense(const Mark& mark);
  void JoinValues(size_t from);

  std::string& bytes_;
  const size_t sparse_bytes_;
};

bool IsDenseHyperLogLog(std::string_view bytes);
// The count as it was last computed, unless it is out of date.
std::optional<uint64_t> StoredCount(std::string_view bytes);
// The eight bytes that store a count, and the last of them when it is out of date.
std::string CountBytes(uint64_t count);
constexpr std::string_view kOutdatedCountEnd = "\x80";
constexpr size_t kHyperLogLogCountEndAt = 15;
constexpr size_t kHyperLogLogCountAt = 8;

// Bytes that take the place of others.
struct BytesAt {
  size_t offset;
  std::string bytes;
};
// What the mark changes in a dense one; nothing if it is there already.
std::optional<BytesAt> DenseChange(std::string_view bytes, const HyperLogLog::Mark& mark);

// Raises the registers to those of `bytes` where these are greater. False if it is corrupt.
bool MergeRegisters(std::string_view bytes, HyperLogLog::Registers* registers);
uint64_t EstimateCount(const HyperLogLog::Registers& registers);

}  // namespace ringkv::storage
