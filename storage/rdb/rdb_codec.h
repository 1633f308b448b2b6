// SPDX-License-Identifier: MIT
// Lengths and strings of RDB files and DUMP payloads. Small integers are written as such; longer strings are compressed
// with LZF if that makes them smaller.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "storage/disk/file_system.h"
#include "storage/rdb/rdb_format.h"

namespace ringkv::storage {

void PutRdbLength(std::string* out, uint64_t length);
void PutRdbString(std::string* out, std::string_view text);

// Reads forward, from memory or from a file through a window. After missing or invalid bytes all reads return zero or
// empty, and ok() is false.
class RdbInput {
 public:
  explicit RdbInput(std::string_view bytes);
  RdbInput(File& file, uint64_t file_bytes);
  RdbInput(const RdbInput&) = delete;
  RdbInput& operator=(const RdbInput&) = delete;

  bool ok() const { return ok_; }
  const Status& status() const { return status_; }  // an error of the file
  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return size_ - offset_; }
  uint64_t Checksum();  // of all bytes read so far

  // Valid until the next call.
  std::string_view Bytes(uint64_t size);
  // In little-endian order.
  template <typename Number>
  Number Fixed() {
    Number number{};
    const std::string_view bytes = Bytes(sizeof number);
    if (ok_) std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  uint64_t Length();
  // False if there is no string. `text` may be null, to skip it.
  bool String(std::string* text);
  // The same, if possible where it stands: valid until the next call. `room`: for those that must be made.
  std::optional<std::string_view> Text(std::string* room);
  // Marks the input as invalid.
  void Spoil() { ok_ = false; }

 private:
  // A length, or a special encoding of a string.
  struct Head {
    uint64_t number = 0;
    bool is_encoding = false;
  };
  Head ReadHead();
  bool EncodedString(uint64_t encoding, std::string* text);
  bool CompressedString(std::string* text);
  void Refill(uint64_t size);

  File* const file_;
  const uint64_t size_;
  std::string buffer_;       // a part of the file
  std::string_view window_;  // the buffer, or all bytes in memory
  uint64_t window_start_ = 0;
  uint64_t offset_ = 0;
  uint64_t checksum_ = 0;
  uint64_t checked_to_ = 0;
  bool ok_ = true;
  Status status_;
};

}  // namespace ringkv::storage
