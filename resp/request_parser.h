// SPDX-License-Identifier: MIT
// Parses requests: arrays of bulk strings, and inline commands.
//
// The parser copies no bytes. Each call gets the unconsumed input from its first byte and resumes at the position of
// the previous call, so a request in any number of pieces costs linear time. Errors are those that redis-server 7.0
// sends before it closes the connection.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::resp {

struct RequestLimits {
  int64_t bulk_bytes = int64_t{512} * 1024 * 1024;  // proto-max-bulk-len
  int64_t elements = INT32_MAX;                     // as in redis-server 7.0; memory is bounded by ArgumentBytes
  size_t inline_bytes = 64 * 1024;
  // Lower limits for a connection that is not authenticated.
  int64_t unauthenticated_elements = 10;
  int64_t unauthenticated_bulk_bytes = 16 * 1024;
};

enum class ParseStatus {
  kRequest,   // `arguments()` holds a request; consume `consumed()` bytes after use
  kEmpty,     // nothing to execute (an empty line or array); consume `consumed()` bytes
  kNeedMore,  // show the same bytes again with more behind them
  kError,     // `error()` says what is wrong; the connection can't be read any further
};

class RequestParser {
 public:
  // `input` begins at the first byte that was not consumed and may be anywhere in memory.
  ParseStatus Parse(std::string_view input, const RequestLimits& limits, bool authenticated);

  // Views into the input last shown (inline requests: into the parser). Valid until the next Parse.
  std::span<const std::string_view> arguments() const { return arguments_; }
  size_t consumed() const { return position_; }

  // The text after "-ERR Protocol error: ".
  const std::string& error() const { return error_; }

  // Bytes of the current bulk string that are still missing; 0 if there is none.
  size_t BytesMissing(size_t input_size) const {
    const size_t end = position_ + static_cast<size_t>(bulk_length_ < 0 ? 0 : bulk_length_) + 2;
    return bulk_length_ >= 0 && end > input_size ? end - input_size : 0;
  }

  // Memory for the arguments of the current, incomplete request, besides their bytes; 0 between requests. It counts as
  // input, because a request of many empty arguments takes many times the bytes that were received.
  size_t ArgumentBytes() const {
    return finished_ ? 0 : slices_.size() * (sizeof(Slice) + 2 * sizeof(std::string_view));
  }

  // Forgets an incomplete request, because its bytes will be passed again at another address.
  void Restart();

  // Whether the arguments are in the parser's memory and not in the input.
  bool is_inline() const { return !inline_text_.empty(); }

  // Memory kept between requests, in bytes.
  size_t MemoryBytes() const;
  // Frees memory that an unusually long request left allocated.
  void Shrink();

 private:
  struct Slice {
    size_t offset;
    size_t length;
  };

  ParseStatus ParseArray(std::string_view input, const RequestLimits& limits, bool authenticated);
  ParseStatus ParseBulkLength(std::string_view input, const RequestLimits& limits, bool authenticated);
  ParseStatus ParseInline(std::string_view input, const RequestLimits& limits);
  ParseStatus Fail(std::string text);

  bool finished_ = true;        // the last request was handed out: start afresh
  size_t position_ = 0;         // bytes of the input understood so far
  size_t searched_ = 0;         // bytes of an inline line already searched for its end
  int64_t elements_left_ = -1;  // -1: the array's header is not read yet
  int64_t bulk_length_ = -1;    // -1: the next bulk's header is not read yet
  std::vector<Slice> slices_;
  std::vector<std::string_view> arguments_;
  std::string inline_text_;
  std::string error_;
};

}  // namespace ringkv::resp
