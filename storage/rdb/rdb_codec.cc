// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_codec.h"

#include <lzf.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include "storage/base/byte_codec.h"
#include "storage/entry/lzf.h"
#include "storage/rdb/crc64.h"

namespace ringkv::storage {
namespace {

// The upper two bits of a length's first byte.
constexpr uint8_t kSixBits = 0x00;
constexpr uint8_t kFourteenBits = 0x40;
constexpr uint8_t kWide = 0x80;  // the whole byte: 32 bits follow, or with 0x81 64 bits, the highest first
constexpr uint8_t kWide64 = 0x81;
constexpr uint8_t kEncoded = 0xc0;  // the lower bits say how

constexpr uint8_t kInt8 = 0;
constexpr uint8_t kInt16 = 1;
constexpr uint8_t kInt32 = 2;
constexpr uint8_t kLzf = 3;

constexpr size_t kLongestInteger = 11;  // "-2147483648"
constexpr size_t kCompressFrom = 21;    // bytes
constexpr size_t kLeastSaving = 4;
constexpr uint64_t kLzfMostGrowth = 264;  // bytes that one byte of LZF can stand for at most
constexpr uint64_t kLongestString = uint64_t{512} << 20;
constexpr uint64_t kWindowBytes = 1 << 20;

template <typename Number>
Number Reversed(Number number) {
  Number reversed = 0;
  for (size_t i = 0; i < sizeof number; ++i) reversed = static_cast<Number>(reversed << 8 | (number >> (8 * i) & 0xff));
  return reversed;
}

template <typename Number>
void PutInteger(std::string* out, uint8_t encoding, int64_t value) {
  out->push_back(static_cast<char>(kEncoded | encoding));
  PutFixed(out, static_cast<Number>(value));
}

template <typename Number>
bool Fits(int64_t value) {
  return value >= std::numeric_limits<Number>::min() && value <= std::numeric_limits<Number>::max();
}

bool PutAsInteger(std::string* out, std::string_view text) {
  if (text.empty() || text.size() > kLongestInteger) return false;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // It must come back as the same text: no leading zeros, no "-0".
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(value) != text) return false;
  if (Fits<int8_t>(value)) {
    PutInteger<int8_t>(out, kInt8, value);
  } else if (Fits<int16_t>(value)) {
    PutInteger<int16_t>(out, kInt16, value);
  } else if (Fits<int32_t>(value)) {
    PutInteger<int32_t>(out, kInt32, value);
  } else {
    return false;
  }
  return true;
}

bool PutCompressed(std::string* out, std::string_view text) {
  if (text.size() < kCompressFrom || text.size() > std::numeric_limits<unsigned>::max()) return false;
  std::string compressed(text.size() - kLeastSaving, '\0');
  const unsigned size = lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed.data(),
                                     static_cast<unsigned>(compressed.size()));
  if (size == 0) return false;
  out->push_back(static_cast<char>(kEncoded | kLzf));
  PutRdbLength(out, size);
  PutRdbLength(out, text.size());
  out->append(compressed, 0, size);
  return true;
}

}  // namespace

void PutRdbLength(std::string* out, uint64_t length) {
  if (length < 1 << 6) {
    out->push_back(static_cast<char>(kSixBits | length));
  } else if (length < 1 << 14) {
    out->push_back(static_cast<char>(kFourteenBits | length >> 8));
    out->push_back(static_cast<char>(length));
  } else if (length <= UINT32_MAX) {
    out->push_back(static_cast<char>(kWide));
    PutFixed(out, Reversed(static_cast<uint32_t>(length)));
  } else {
    out->push_back(static_cast<char>(kWide64));
    PutFixed(out, Reversed(length));
  }
}

void PutRdbString(std::string* out, std::string_view text) {
  if (PutAsInteger(out, text) || PutCompressed(out, text)) return;
  PutRdbLength(out, text.size());
  out->append(text);
}

// --- reading --------------------------------------------------------------------------------------------------------

RdbInput::RdbInput(std::string_view bytes) : file_(nullptr), size_(bytes.size()), window_(bytes) {}

RdbInput::RdbInput(File& file, uint64_t file_bytes) : file_(&file), size_(file_bytes) {}

uint64_t RdbInput::Checksum() {
  checksum_ = Crc64(checksum_, window_.substr(checked_to_ - window_start_, offset_ - checked_to_));
  checked_to_ = offset_;
  return checksum_;
}

void RdbInput::Refill(uint64_t size) {
  if (file_ == nullptr) return Spoil();
  Checksum();
  buffer_.erase(0, offset_ - window_start_);
  window_start_ = offset_;
  const size_t kept = buffer_.size();
  buffer_.resize(std::min(std::max(size, kWindowBytes), remaining()));
  const Result<size_t> read = file_->ReadAt(offset_ + kept, buffer_.data() + kept, buffer_.size() - kept);
  if (!read) {
    status_ = tl::unexpected(read.error());
    Spoil();
  }
  buffer_.resize(kept + read.value_or(0));
  window_ = buffer_;
  if (window_.size() < size) Spoil();
}

std::string_view RdbInput::Bytes(uint64_t size) {
  if (!ok_ || size > remaining()) {
    Spoil();
    return {};
  }
  if (offset_ - window_start_ + size > window_.size()) Refill(size);
  if (!ok_) return {};
  const std::string_view bytes = window_.substr(offset_ - window_start_, size);
  offset_ += size;
  return bytes;
}

RdbInput::Head RdbInput::ReadHead() {
  const auto first = Fixed<uint8_t>();
  switch (first & kEncoded) {
    case kSixBits: return {first & 0x3fU};
    case kFourteenBits: return {static_cast<uint64_t>(first & 0x3f) << 8 | Fixed<uint8_t>()};
    case kEncoded: return {first & 0x3fU, true};
    default: break;
  }
  if (first == kWide) return {Reversed(Fixed<uint32_t>())};
  if (first == kWide64) return {Reversed(Fixed<uint64_t>())};
  Spoil();
  return {};
}

uint64_t RdbInput::Length() {
  const Head head = ReadHead();
  if (head.is_encoding) Spoil();
  return ok_ ? head.number : 0;
}

bool RdbInput::String(std::string* text) {
  const Head head = ReadHead();
  if (head.is_encoding) return EncodedString(head.number, text);
  const std::string_view bytes = Bytes(head.number);
  if (ok_ && text != nullptr) text->assign(bytes);
  return ok_;
}

std::optional<std::string_view> RdbInput::Text(std::string* room) {
  const Head head = ReadHead();
  if (head.is_encoding) return EncodedString(head.number, room) ? std::optional(std::string_view(*room)) : std::nullopt;
  const std::string_view bytes = Bytes(head.number);
  return ok_ ? std::optional(bytes) : std::nullopt;
}

bool RdbInput::EncodedString(uint64_t encoding, std::string* text) {
  int64_t value = 0;
  switch (encoding) {
    case kInt8: value = Fixed<int8_t>(); break;  // NOLINT(bugprone-signed-char-misuse): a number
    case kInt16: value = Fixed<int16_t>(); break;
    case kInt32: value = Fixed<int32_t>(); break;
    case kLzf: return CompressedString(text);
    default: Spoil();
  }
  if (ok_ && text != nullptr) *text = std::to_string(value);
  return ok_;
}

bool RdbInput::CompressedString(std::string* text) {
  const uint64_t compressed_bytes = Length();
  const uint64_t bytes = Length();
  const std::string_view compressed = Bytes(compressed_bytes);
  if (text == nullptr || !ok_) return ok_;
  if (bytes > kLongestString || bytes / kLzfMostGrowth > compressed_bytes) {
    Spoil();
    return false;
  }
  text->resize(bytes);
  // As redis-server, which doesn't look at what is said to be empty.
  if (bytes > 0 && !DecompressLzf(compressed, text->data(), bytes)) Spoil();
  return ok_;
}

}  // namespace ringkv::storage
