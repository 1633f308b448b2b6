// SPDX-License-Identifier: MIT
// A reply as a value, for clients of other servers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringkv::resp {

enum class ReplyKind : uint8_t { kNull, kStatus, kError, kInteger, kText, kArray };

struct Reply {
  ReplyKind kind = ReplyKind::kNull;
  std::string text = {};            // of a status, an error, a text
  int64_t integer = 0;              // of an integer
  std::vector<Reply> members = {};  // of an array; of a map its keys and values in turn

  bool is_error() const { return kind == ReplyKind::kError; }
};

}  // namespace ringkv::resp
