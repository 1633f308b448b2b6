// SPDX-License-Identifier: MIT
#include "storage/types/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "storage/base/byte_codec.h"

namespace ringkv::storage {
namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr size_t kEncodingAt = 4;
constexpr size_t kHead = 16;
constexpr char kDense = 0;
constexpr char kSparse = 1;
constexpr unsigned kIndexBits = 14;
constexpr unsigned kValueBits = 64 - kIndexBits;  // so a value is at most one more than that
constexpr size_t kDenseBytes = kHead + HyperLogLog::kRegisters * 6 / 8;

// --- the hash: MurmurHash64A by Austin Appleby, with the seed that Redis uses
// ------------------------------------------

uint64_t Hash(std::string_view element) {
  constexpr uint64_t kSeed = 0xadc83b19;
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  uint64_t hash = kSeed ^ (element.size() * kFactor);
  const auto mix = [&](uint64_t word) {
    word *= kFactor;
    word ^= word >> kShift;
    hash ^= word * kFactor;
    hash *= kFactor;
  };
  ByteReader reader(element);
  for (size_t words = element.size() / sizeof(uint64_t); words > 0; --words) mix(reader.Fixed<uint64_t>());
  if (!reader.AtEnd()) {
    uint64_t rest = 0;
    std::memcpy(&rest, reader.rest().data(), reader.rest().size());
    hash = (hash ^ rest) * kFactor;
  }
  hash = (hash ^ hash >> kShift) * kFactor;
  return hash ^ hash >> kShift;
}

// --- sparse registers
// -------------------------------------------------------------------------------------------------

constexpr size_t kLongestShortZeros = 64;
constexpr size_t kLongestValues = 4;
constexpr uint8_t kGreatestSparseValue = 32;

// So many registers of one value.
struct Run {
  size_t count = 0;
  uint8_t value = 0;
  size_t bytes = 1;  // that it takes
};

bool IsValues(char byte) { return (byte & 0x80) != 0; }

// What stands at the beginning; of no count if it is cut short.
Run ReadRun(std::string_view bytes) {
  const auto first = static_cast<uint8_t>(bytes[0]);
  if (IsValues(bytes[0])) {
    return {.count = (first & 3u) + 1u, .value = static_cast<uint8_t>((first >> 2 & 0x1f) + 1)};
  }
  if ((first & 0x40) == 0) return {.count = (first & 0x3fu) + 1u};
  if (bytes.size() < 2) return {};
  return {.count = (static_cast<size_t>(first & 0x3fu) << 8 | static_cast<uint8_t>(bytes[1])) + 1, .bytes = 2};
}

void AppendZeros(std::string* out, size_t count) {
  if (count == 0) return;
  if (count <= kLongestShortZeros) {
    out->push_back(static_cast<char>(count - 1));
  } else {
    out->push_back(static_cast<char>(0x40 | (count - 1) >> 8));
    out->push_back(static_cast<char>(count - 1));
  }
}

void AppendValues(std::string* out, uint8_t value, size_t count) {
  if (count == 0) return;
  out->push_back(static_cast<char>(0x80u | static_cast<unsigned>(value - 1) << 2 | (count - 1)));
}

// --- dense registers
// --------------------------------------------------------------------------------------------------

size_t DenseOffset(size_t number) { return kHead + number * 6 / 8; }

// A register lies in two bytes; behind the last one there is none, and none of it lies there.
uint8_t DenseAt(std::string_view bytes, size_t number) {
  const char* at = bytes.data() + DenseOffset(number);
  const unsigned bit = number * 6 % 8;
  unsigned both = static_cast<uint8_t>(at[0]);
  if (bit > 2) both |= static_cast<unsigned>(static_cast<uint8_t>(at[1])) << 8;
  return both >> bit & 0x3f;
}

// `at` is the first byte of the register.
void SetDense(char* at, size_t number, uint8_t value) {
  const unsigned bit = number * 6 % 8;
  const unsigned mask = 0x3fu << bit;
  const unsigned shifted = static_cast<unsigned>(value) << bit;
  at[0] = static_cast<char>((static_cast<uint8_t>(at[0]) & ~mask) | shifted);
  if (bit > 2) at[1] = static_cast<char>((static_cast<uint8_t>(at[1]) & ~(mask >> 8)) | shifted >> 8);
}

// --- the estimate
// -----------------------------------------------------------------------------------------------------

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before != z);
  return z / 3;
}

double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

}  // namespace

bool IsDenseHyperLogLog(std::string_view bytes) { return bytes[kEncodingAt] == kDense; }

std::optional<uint64_t> StoredCount(std::string_view bytes) {
  uint64_t count;
  std::memcpy(&count, bytes.data() + kHyperLogLogCountAt, sizeof count);
  return count >> 63 == 0 ? std::optional(count) : std::nullopt;
}

std::string CountBytes(uint64_t count) {
  std::string bytes;
  PutFixed(&bytes, count);
  return bytes;
}

std::optional<BytesAt> DenseChange(std::string_view bytes, const HyperLogLog::Mark& mark) {
  if (DenseAt(bytes, mark.number) >= mark.value) return std::nullopt;
  const size_t offset = DenseOffset(mark.number);
  std::string changed(bytes.substr(offset, 2));
  SetDense(changed.data(), mark.number, mark.value);
  return BytesAt{offset, std::move(changed)};
}

bool MergeRegisters(std::string_view bytes, HyperLogLog::Registers* registers) {
  if (IsDenseHyperLogLog(bytes)) {
    for (size_t i = 0; i < registers->size(); ++i) (*registers)[i] = std::max((*registers)[i], DenseAt(bytes, i));
    return true;
  }
  size_t number = 0;
  for (std::string_view rest = bytes.substr(kHead); !rest.empty();) {
    const Run run = ReadRun(rest);
    if (run.count == 0 || number + run.count > registers->size()) return false;
    for (size_t i = number; i < number + run.count; ++i) (*registers)[i] = std::max((*registers)[i], run.value);
    number += run.count;
    rest.remove_prefix(run.bytes);
  }
  return number == registers->size();
}

uint64_t EstimateCount(const HyperLogLog::Registers& registers) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double kCount = HyperLogLog::kRegisters;
  std::array<unsigned, 64> have = {};  // how many registers have a value
  for (const uint8_t value : registers) ++have[value];
  double z = kCount * Tau((kCount - have[kValueBits + 1]) / kCount);
  for (unsigned value = kValueBits; value >= 1; --value) {
    z += have[value];
    z *= 0.5;
  }
  z += kCount * Sigma(have[0] / kCount);
  return static_cast<uint64_t>(std::llround(kAlpha * kCount * kCount / z));
}

std::optional<std::string> DescribeRuns(std::string_view bytes) {
  std::string text;
  for (std::string_view rest = bytes.substr(kHead); !rest.empty();) {
    const Run run = ReadRun(rest);
    if (run.count == 0) return std::nullopt;
    if (!text.empty()) text += ' ';
    text += run.value > 0 ? "v:" + std::to_string(run.value) + "," : run.bytes == 2 ? "Z:" : "z:";
    text += std::to_string(run.count);
    rest.remove_prefix(run.bytes);
  }
  return text;
}

bool HyperLogLog::IsOne(std::string_view bytes) {
  if (bytes.size() < kHead || !bytes.starts_with(kMagic)) return false;
  if (bytes[kEncodingAt] == kDense) return bytes.size() == kDenseBytes;
  return bytes[kEncodingAt] == kSparse;
}

std::string HyperLogLog::Empty() {
  std::string bytes(kMagic);
  bytes.resize(kHead);
  bytes[kEncodingAt] = kSparse;
  AppendZeros(&bytes, kRegisters);
  return bytes;
}

bool HyperLogLog::is_dense() const { return IsDenseHyperLogLog(bytes_); }

void HyperLogLog::Outdate() { bytes_[kHead - 1] = static_cast<char>(static_cast<uint8_t>(bytes_[kHead - 1]) | 0x80); }

HyperLogLog::Mark HyperLogLog::MarkOf(std::string_view element) {
  const uint64_t hash = Hash(element);
  const uint64_t rest = hash >> kIndexBits | uint64_t{1} << kValueBits;
  return {hash % kRegisters, static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

HyperLogLog::RaiseResult HyperLogLog::Raise(const Mark& mark) {
  return is_dense() ? RaiseDense(mark) : RaiseSparse(mark);
}

HyperLogLog::RaiseResult HyperLogLog::RaiseDense(const Mark& mark) {
  const std::optional<BytesAt> change = DenseChange(bytes_, mark);
  if (!change) return RaiseResult::kUnchanged;
  bytes_.replace(change->offset, change->bytes.size(), change->bytes);
  return RaiseResult::kChanged;
}

bool HyperLogLog::BecomeDense() {
  if (is_dense()) return true;
  Registers registers = {};
  if (!MergeRegisters(bytes_, &registers)) return false;
  bytes_[kEncodingAt] = kDense;
  bytes_.resize(kHead);
  bytes_.resize(kDenseBytes);
  for (size_t i = 0; i < kRegisters; ++i) SetDense(bytes_.data() + DenseOffset(i), i, registers[i]);
  return true;
}

HyperLogLog::RaiseResult HyperLogLog::RaiseSparse(const Mark& mark) {
  const auto [number, value] = mark;
  const auto go_dense = [&] { return BecomeDense() ? RaiseDense(mark) : RaiseResult::kCorrupt; };
  if (value > kGreatestSparseValue) return go_dense();
  // The run that has the register, and the one before it.
  size_t at = kHead;
  size_t before = kHead;
  size_t first = 0;
  Run run;
  for (;; at += run.bytes, first += run.count) {
    if (at >= bytes_.size()) return RaiseResult::kCorrupt;
    run = ReadRun(std::string_view(bytes_).substr(at));
    if (run.count == 0) return RaiseResult::kCorrupt;
    if (number < first + run.count) break;
    before = at;
  }
  if (run.value >= value) return RaiseResult::kUnchanged;
  const auto append_rest = [&](std::string* out, size_t count) {
    run.value == 0 ? AppendZeros(out, count) : AppendValues(out, run.value, count);
  };
  std::string runs;
  append_rest(&runs, number - first);
  AppendValues(&runs, value, 1);
  append_rest(&runs, first + run.count - 1 - number);
  if (runs.size() > run.bytes && bytes_.size() + runs.size() - run.bytes > sparse_bytes_) return go_dense();
  bytes_.replace(at, run.bytes, runs);
  JoinValues(before);
  Outdate();
  return RaiseResult::kChanged;
}

// Joins runs of the same value that stand side by side, as far as the change can have made any.
void HyperLogLog::JoinValues(size_t from) {
  constexpr int kRunsLookedAt = 5;
  size_t at = from;
  for (int left = kRunsLookedAt; left > 0 && at < bytes_.size(); --left) {
    const Run run = ReadRun(std::string_view(bytes_).substr(at));
    if (run.value > 0 && at + 1 < bytes_.size() && IsValues(bytes_[at + 1])) {
      const Run next = ReadRun(std::string_view(bytes_).substr(at + 1));
      if (next.value == run.value && run.count + next.count <= kLongestValues) {
        std::string joined;
        AppendValues(&joined, run.value, run.count + next.count);
        bytes_.replace(at, 2, joined);
        continue;  // the joined run may join the next one too
      }
    }
    at += run.bytes;
  }
}

}  // namespace ringkv::storage
