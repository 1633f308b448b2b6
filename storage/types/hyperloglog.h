// SPDX-License-Identifier: MIT
// HyperLogLog: estimates the number of distinct elements, in the format of Redis' strings.
//
//   "HYLL", encoding of the registers (1 byte: 0 dense, 1 sparse), 3 bytes of zeros, the cached count (8 bytes, the
//   lowest first; the highest bit marks it as stale), then 16384 registers:
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

  // Whether a string has the header of a HyperLogLog; its sparse registers may still be invalid.
  static bool IsOne(std::string_view bytes);
  // An empty, sparse HyperLogLog.
  static std::string Empty();

  // `bytes` must be a HyperLogLog and outlive the object. It becomes dense when it would exceed `sparse_bytes`.
  HyperLogLog(std::string* bytes, size_t sparse_bytes) : bytes_(*bytes), sparse_bytes_(sparse_bytes) {}

  // The change by an element: this register gets at least this value.
  struct Mark {
    size_t number;
    uint8_t value;
  };
  static Mark MarkOf(std::string_view element);

  enum class RaiseResult : uint8_t { kUnchanged, kChanged, kCorrupt };
  RaiseResult Raise(const Mark& mark);
  // False if it is corrupt.
  bool BecomeDense();
  void Outdate();

 private:
  bool is_dense() const;
  RaiseResult RaiseSparse(const Mark& mark);
  RaiseResult RaiseDense(const Mark& mark);
  void JoinValues(size_t from);

  std::string& bytes_;
  const size_t sparse_bytes_;
};

bool IsDenseHyperLogLog(std::string_view bytes);
// The cached count, unless it is stale.
std::optional<uint64_t> StoredCount(std::string_view bytes);
// The eight bytes of the cached count, and the last of them for a stale one.
std::string CountBytes(uint64_t count);
constexpr std::string_view kOutdatedCountEnd = "\x80";
constexpr size_t kHyperLogLogCountEndAt = 15;
constexpr size_t kHyperLogLogCountAt = 8;

// A replacement of bytes.
struct BytesAt {
  size_t offset;
  std::string bytes;
};
// The change of a dense HyperLogLog by the element; none if its register is high enough.
std::optional<BytesAt> DenseChange(std::string_view bytes, const HyperLogLog::Mark& mark);

// Raises the registers to those of `bytes` where these are greater. False if `bytes` is corrupt.
bool MergeRegisters(std::string_view bytes, HyperLogLog::Registers* registers);
uint64_t EstimateCount(const HyperLogLog::Registers& registers);

// The runs of a sparse HyperLogLog as PFDEBUG DECODE shows them: z and Z for zeros, v for values. None if it is
// corrupt.
std::optional<std::string> DescribeRuns(std::string_view bytes);

}  // namespace ringkv::storage
