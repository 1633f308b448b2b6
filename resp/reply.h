// SPDX-License-Identifier: MIT
// A reply as a value: of another server, or of a command that was executed for HTTP.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringkv::resp {

enum class ReplyKind : uint8_t {
  kNull,
  kStatus,
  kError,
  kInteger,
  kText,
  kArray,
  // Of RESP3 only; in RESP2 they are texts, integers and arrays.
  kDouble,
  kBoolean,
  kBigNumber,
  kVerbatim,
  kMap,
  kSet,
};

struct Reply {
  ReplyKind kind = ReplyKind::kNull;
  std::string text = {};  // of a status, an error, a text; the digits of a big number; of a verbatim text "txt:text"
  int64_t integer = 0;    // of an integer; of a boolean 0 or 1
  double number = 0;      // of a double
  std::vector<Reply> members = {};  // of an array or set; of a map its keys and values in turn

  bool is_error() const { return kind == ReplyKind::kError; }
  friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace ringkv::resp
