// SPDX-License-Identifier: MIT
#include "resp/reply_parser.h"

#include "resp/integer_text.h"

namespace ringkv::resp {
namespace {

class Parser {
 public:
  Parser(std::string_view input, const ReplyLimits& limits) : input_(input), limits_(limits) {}

  size_t at() const { return at_; }

  ReplyStatus Parse(Reply* reply, int depth) {
    std::string_view line;
    if (const ReplyStatus status = TakeLine(&line); status != ReplyStatus::kReply) return status;
    if (line.empty()) return ReplyStatus::kError;
    const std::string_view rest = line.substr(1);
    switch (line[0]) {
      case '+': return Text(ReplyKind::kStatus, rest, reply);
      case '-': return Text(ReplyKind::kError, rest, reply);
      case ',':
      case '#':
      case '(': return Text(ReplyKind::kText, rest, reply);
      case '_': *reply = {}; return ReplyStatus::kReply;
      case ':': return Integer(rest, reply);
      case '$':
      case '=': return Bulk(rest, line[0] == '=', reply);
      case '!': {
        const ReplyStatus status = Bulk(rest, false, reply);
        reply->kind = ReplyKind::kError;
        return status;
      }
      case '*':
      case '~':
      case '>': return Array(rest, 1, depth, reply);
      case '%': return Array(rest, 2, depth, reply);
      default: return ReplyStatus::kError;
    }
  }

 private:
  ReplyStatus TakeLine(std::string_view* line) {
    constexpr size_t kLongestLine = 64 * 1024;
    const size_t end = input_.find("\r\n", at_);
    if (end == std::string_view::npos) {
      return input_.size() - at_ > kLongestLine ? ReplyStatus::kError : ReplyStatus::kNeedMore;
    }
    *line = input_.substr(at_, end - at_);
    at_ = end + 2;
    return ReplyStatus::kReply;
  }

  static ReplyStatus Text(ReplyKind kind, std::string_view text, Reply* reply) {
    *reply = {.kind = kind, .text = std::string(text)};
    return ReplyStatus::kReply;
  }

  static ReplyStatus Integer(std::string_view text, Reply* reply) {
    const std::optional<int64_t> number = ParseInteger(text);
    if (!number) return ReplyStatus::kError;
    *reply = {.kind = ReplyKind::kInteger, .integer = *number};
    return ReplyStatus::kReply;
  }

  ReplyStatus Bulk(std::string_view length_text, bool has_format, Reply* reply) {
    constexpr size_t kFormatBytes = 4;  // "txt:"
    const std::optional<int64_t> length = ParseInteger(length_text);
    if (!length || *length < -1 || *length > limits_.bulk_bytes) return ReplyStatus::kError;
    *reply = {};
    if (*length == -1) return ReplyStatus::kReply;
    const auto size = static_cast<size_t>(*length);
    if (input_.size() - at_ < size + 2) return ReplyStatus::kNeedMore;
    if (input_.substr(at_ + size, 2) != "\r\n") return ReplyStatus::kError;
    std::string_view text = input_.substr(at_, size);
    if (has_format) text.remove_prefix(std::min(kFormatBytes, text.size()));
    at_ += size + 2;
    return Text(ReplyKind::kText, text, reply);
  }

  ReplyStatus Array(std::string_view count_text, int64_t each, int depth, Reply* reply) {
    const std::optional<int64_t> count = ParseInteger(count_text);
    if (!count || *count < -1 || *count > limits_.elements || depth >= limits_.depth) return ReplyStatus::kError;
    *reply = {};
    if (*count == -1) return ReplyStatus::kReply;
    reply->kind = ReplyKind::kArray;
    for (int64_t i = 0; i < *count * each; ++i) {
      if (const ReplyStatus status = Parse(&reply->members.emplace_back(), depth + 1); status != ReplyStatus::kReply) {
        return status;
      }
    }
    return ReplyStatus::kReply;
  }

  const std::string_view input_;
  const ReplyLimits& limits_;
  size_t at_ = 0;
};

}  // namespace

ReplyStatus ParseReply(std::string_view input, const ReplyLimits& limits, Reply* reply, size_t* consumed) {
  Parser parser(input, limits);
  const ReplyStatus status = parser.Parse(reply, 0);
  *consumed = status == ReplyStatus::kReply ? parser.at() : 0;
  return status;
}

}  // namespace ringkv::resp
