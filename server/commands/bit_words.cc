// SPDX-License-Identifier: MIT
#include "server/commands/bit_words.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace ringkv::server {
namespace {

uint64_t WordAt(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Inlined into each of its callers, which are compiled for different processors.
[[gnu::always_inline]] inline uint64_t CountByWords(std::string_view bytes) {
  constexpr size_t kAtOnce = 4;  // sums of their own: none waits for the other
  uint64_t sums[kAtOnce] = {};
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (; static_cast<size_t>(end - at) >= kAtOnce * sizeof(uint64_t); at += kAtOnce * sizeof(uint64_t)) {
    for (size_t i = 0; i < kAtOnce; ++i) {
      sums[i] += static_cast<uint64_t>(std::popcount(WordAt(at + i * sizeof(uint64_t))));
    }
  }
  for (; at != end; ++at) sums[0] += static_cast<uint64_t>(std::popcount(static_cast<unsigned char>(*at)));
  return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__)
// The instruction is not among those that every x86-64 has.
[[gnu::target("popcnt")]] uint64_t CountByInstruction(std::string_view bytes) { return CountByWords(bytes); }
#endif

// The place of the highest bit that is set, counted from the first byte's highest.
uint64_t FirstBitOf(uint64_t word) {
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return static_cast<uint64_t>(std::countl_zero(word));
}

constexpr size_t kLine = 64;  // bytes that memory is read in
// The processor itself reads ahead within a page only; beyond the next one a long walk gains a third.
constexpr size_t kAhead = 6144;

// Two words in what every x86-64 and arm64 has a register for.
using Lane [[gnu::vector_size(16)]] = uint64_t;

bool HasOther(const char* line, uint64_t skipped) {
  Lane difference = {};
  for (size_t i = 0; i < kLine; i += sizeof(Lane)) {
    Lane lane;
    std::memcpy(&lane, line + i, sizeof lane);
    difference |= lane ^ Lane { skipped, skipped };
  }
  return (difference[0] | difference[1]) != 0;
}

// Where to go on looking: all bytes from `from` up to there are as in `skipped`.
size_t SkipLines(std::string_view bytes, size_t from, uint64_t skipped) {
  const auto has_line = [&] { return bytes.size() - from >= kLine; };
  if (!has_line() || HasOther(bytes.data() + from, skipped)) return from;
  // From the next whole line on: reads that touch two of them cost more.
  from += kLine - reinterpret_cast<uintptr_t>(bytes.data() + from) % kLine;
  for (; has_line() && !HasOther(bytes.data() + from, skipped); from += kLine) {
    __builtin_prefetch(bytes.data() + from + kAhead);
  }
  return from;
}

// `out` may be one of the two.
template <typename Join>
void JoinWords(const char* a, const char* b, size_t bytes, char* out, Join&& join) {
  constexpr size_t kAtOnce = 4;
  size_t at = 0;
  for (; bytes - at >= kAtOnce * sizeof(uint64_t); at += kAtOnce * sizeof(uint64_t)) {
    uint64_t joined[kAtOnce];
    for (size_t i = 0; i < kAtOnce; ++i) {
      joined[i] = join(WordAt(a + at + i * sizeof(uint64_t)), WordAt(b + at + i * sizeof(uint64_t)));
    }
    std::memcpy(out + at, joined, sizeof joined);
  }
  for (; at < bytes; ++at) {
    out[at] = static_cast<char>(join(static_cast<unsigned char>(a[at]), static_cast<unsigned char>(b[at])));
  }
}

// At most so many bytes of the value from an offset on.
std::string_view SliceOf(std::string_view value, size_t offset, size_t bytes) {
  return offset < value.size() ? value.substr(offset, bytes) : std::string_view();
}

// Writes so many bytes, of which none of the two has more; `a` may stand at `out`. Of the operations that others are
// made of: AND, OR, XOR, NOT, DIFF.
void JoinBlock(BitOperation operation, std::string_view a, std::string_view b, char* out, size_t bytes) {
  const size_t shared = std::min(a.size(), b.size());
  const auto join = [&](auto&& words) { JoinWords(a.data(), b.data(), shared, out, words); };
  std::string_view rest = (a.size() > b.size() ? a : b).substr(shared);  // joined with zeros
  switch (operation) {
    case BitOperation::kAnd:
      join([](uint64_t x, uint64_t y) { return x & y; });
      rest = {};
      break;
    case BitOperation::kXor: join([](uint64_t x, uint64_t y) { return x ^ y; }); break;
    case BitOperation::kNot: join([](uint64_t x, uint64_t) { return ~x; }); break;
    case BitOperation::kDiff:
      join([](uint64_t x, uint64_t y) { return x & ~y; });
      rest = a.substr(shared);
      break;
    default: join([](uint64_t x, uint64_t y) { return x | y; }); break;
  }
  if (!rest.empty()) std::memmove(out + shared, rest.data(), rest.size());
  std::memset(out + shared + rest.size(), 0, bytes - shared - rest.size());
}

constexpr size_t kBlock = 4096;  // stays in the cache while all values are combined into it

// One block of the result.
class Block {
 public:
  Block(std::span<const std::string_view> values, size_t at, size_t bytes, char* out)
      : values_(values), at_(at), bytes_(bytes), out_(out + at) {}

  void Join(BitOperation operation) {
    switch (operation) {
      case BitOperation::kDiff1: Fold(BitOperation::kOr, 1); return JoinWith(BitOperation::kDiff, Slice(0));
      case BitOperation::kAndOr: Fold(BitOperation::kOr, 1); return JoinWith(BitOperation::kAnd, Slice(0));
      case BitOperation::kOne: return JoinOne();
      default: return Fold(operation, 0);
    }
  }

 private:
  std::string_view Slice(size_t number) const { return SliceOf(values_[number], at_, bytes_); }
  void JoinWith(BitOperation operation, std::string_view value) {
    JoinBlock(operation, {out_, bytes_}, value, out_, bytes_);
  }
  // Combines the values from this one on, each with the result so far.
  void Fold(BitOperation operation, size_t from) {
    const bool is_alone = from + 1 == values_.size();
    if (is_alone && operation != BitOperation::kNot) operation = BitOperation::kOr;  // with itself
    JoinBlock(operation, Slice(from), Slice(is_alone ? from : from + 1), out_, bytes_);
    for (size_t i = from + 2; i < values_.size(); ++i) JoinWith(operation, Slice(i));
  }
  // The result is where an odd number of values has a bit, until those that several have are taken out.
  void JoinOne() {
    char repeated[kBlock];
    char again[kBlock];
    std::memset(repeated, 0, bytes_);
    JoinBlock(BitOperation::kOr, Slice(0), Slice(0), out_, bytes_);
    for (size_t i = 1; i < values_.size(); ++i) {
      JoinBlock(BitOperation::kAnd, {out_, bytes_}, Slice(i), again, bytes_);
      JoinBlock(BitOperation::kOr, {repeated, bytes_}, {again, bytes_}, repeated, bytes_);
      JoinWith(BitOperation::kXor, Slice(i));
    }
    JoinWith(BitOperation::kDiff, {repeated, bytes_});
  }

  std::span<const std::string_view> values_;
  size_t at_;
  size_t bytes_;
  char* out_;
};

}  // namespace

uint64_t CountBits(std::string_view bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt")) return CountByInstruction(bytes);
#endif
  return CountByWords(bytes);
}

uint64_t FindBit(std::string_view bytes, uint64_t first, uint64_t end, bool bit) {
  if (first >= end) return end;
  const uint64_t skipped = bit ? 0 : ~uint64_t{0};
  bytes = bytes.substr(0, (end + 7) / 8);
  size_t at = first / 8;
  const auto found_at = [&](uint64_t where) { return std::min(where, end); };
  const auto byte_at = [&](size_t index) { return static_cast<uint8_t>(static_cast<uint8_t>(bytes[index]) ^ skipped); };
  const auto begun = static_cast<uint8_t>(byte_at(at) & (0xffu >> (first % 8)));
  if (begun != 0) return found_at(at * 8 + static_cast<uint64_t>(std::countl_zero(begun)));
  at = SkipLines(bytes, at + 1, skipped);
  for (; bytes.size() - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
    const uint64_t word = WordAt(bytes.data() + at) ^ skipped;
    if (word != 0) return found_at(at * 8 + FirstBitOf(word));
  }
  for (; at < bytes.size(); ++at) {
    if (byte_at(at) != 0) return found_at(at * 8 + static_cast<uint64_t>(std::countl_zero(byte_at(at))));
  }
  return end;
}

void JoinBits(BitOperation operation, std::span<const std::string_view> values, char* out) {
  size_t longest = 0;
  for (const std::string_view value : values) longest = std::max(longest, value.size());
  for (size_t at = 0; at < longest; at += kBlock) {
    Block(values, at, std::min(kBlock, longest - at), out).Join(operation);
  }
}

}  // namespace ringkv::server
