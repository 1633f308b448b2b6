// SPDX-License-Identifier: MIT
// What SCAN and its relatives have in common: cursor, options, and a list whose length is known at the end.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// Bulk strings whose number is known only at the end. They go straight into the reply, so that its limits count them.
class BulkList {
 public:
  explicit BulkList(resp::ReplyWriter& reply) : reply_(reply), begin_(reply.buffer().size()), end_(begin_) {}
  void Add(std::string_view text) {
    reply_.Bulk(text);
    end_ = reply_.buffer().size();
    ++count_;
  }
  // Whatever was written behind the last string, and the array's header, come before the first one.
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

// What strtoul takes for a number, because clients have got used to it: a sign is allowed, and nothing is zero.
std::optional<uint64_t> ParseCursor(std::string_view text);
// Reads options from the cursor of the arguments on. False with the error written.
bool ParseScanOptions(DataCall& call, bool has_type, ScanOptions* options);

}  // namespace ringkv::server
