// SPDX-License-Identifier: MIT
// What SCAN and its relatives have in common: cursor, options, and a list whose length is known at the end.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// Bulk strings whose number is known only at the end.
class BulkList {
 public:
  explicit BulkList(int protocol) : writer_(bytes_, protocol) {}
  void Add(std::string_view text) {
    writer_.Bulk(text);
    ++count_;
  }
  void ReplyTo(resp::ReplyWriter& reply) {
    reply.Array(count_);
    reply.buffer().Append(bytes_.Readable());
  }

 private:
  resp::Buffer bytes_;
  resp::ReplyWriter writer_;
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
