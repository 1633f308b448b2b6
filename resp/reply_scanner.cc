// SPDX-License-Identifier: MIT
#include "resp/reply_scanner.h"

#include <algorithm>
#include <charconv>

namespace ringkv::resp {
namespace {

constexpr size_t kLongestNumber = 32;
constexpr size_t kLongestLine = 64 * 1024;  // as of ReplyParser; it is searched again with every piece that arrives

bool ParseLength(std::string_view digits, int64_t* length) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *length);
  return error == std::errc() && end == digits.data() + digits.size() && *length >= -1;
}

}  // namespace

ReplyScanner::Status ReplyScanner::Scan(std::string_view input, size_t most, size_t* size) {
  while (left_ > 0) {
    if (at_ > most || left_ > most) return Status::kError;
    if (at_ > input.size()) return Status::kNeedMore;
    const std::string_view rest = input.substr(at_);
    const size_t line = rest.substr(0, kLongestLine + 2).find("\r\n");
    if (line == std::string_view::npos) {
      return rest.size() >= std::min(kLongestLine + 2, most) ? Status::kError : Status::kNeedMore;
    }
    size_t bytes = line + 2;
    switch (rest[0]) {
      case '+':
      case '-':
      case ':':
      case '_':
      case ',':
      case '#':
      case '(': --left_; break;
      case '$':
      case '=':
      case '!':
      case '*':
      case '~':
      case '>':
      case '%': {
        int64_t length = 0;
        if (line > kLongestNumber || !ParseLength(rest.substr(1, line - 1), &length)) return Status::kError;
        --left_;
        if (length < 0) break;
        const auto count = static_cast<uint64_t>(length);
        if (count > most) return Status::kError;
        if (rest[0] == '$' || rest[0] == '=' || rest[0] == '!') {
          bytes += count + 2;
        } else {
          left_ += rest[0] == '%' ? 2 * count : count;
        }
        break;
      }
      default: return Status::kError;
    }
    at_ += bytes;
  }
  if (at_ > input.size()) return Status::kNeedMore;
  *size = at_;
  at_ = 0;
  left_ = 1;
  return Status::kReply;
}

}  // namespace ringkv::resp
