// SPDX-License-Identifier: MIT
// Common code of the SCAN commands: cursor, options, and a list whose length is known at the end.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// An array of bulk strings whose length is known only at the end. The strings are written to the reply directly, so
// that its limits apply.
class BulkList {
 public:
  explicit BulkList(resp::ReplyWriter& reply) : reply_(reply), begin_(reply.buffer().size()), end_(begin_) {}
  void Add(std::string_view text) {
    reply_.Bulk(text);
    end_ = reply_.buffer().size();
    ++count_;
  }
  // Moves everything written after the last string, and the array's header, before the first string.
  void Finish() {
    reply_.Array(count_);
    reply_.buffer().PutBefore(begin_, end_);
  }

 private:
  resp::ReplyWriter& reply_;
  const size_t begin_;
  size_t end_;
  int64_t count_ = 0;
};

struct ScanOptions {
  size_t count = 10;
  std::string_view pattern = "*";
  std::string_view type;

  bool Matches(std::string_view name) const;
};

// Parses a cursor like strtoul, as clients expect: a sign is allowed, and an empty text is zero.
std::optional<uint64_t> ParseCursor(std::string_view text);
// Reads the options from the arguments' cursor on. On failure writes the error and returns false.
bool ParseScanOptions(DataCall& call, bool has_type, ScanOptions* options);

}  // namespace ringkv::server
