// SPDX-License-Identifier: MIT
#include "resp/reply_parser.h"

#include <charconv>

#include "resp/integer_text.h"
#include "resp/reply_builder.h"

namespace ringkv::resp {
namespace {

class Parser {
 public:
  Parser(std::string_view input, const ReplyLimits& limits)
      : input_(input), limits_(limits), memory_(limits.memory_bytes) {}

  size_t at() const { return at_; }

  ReplyStatus Parse(Reply* reply, int depth) {
    const ReplyStatus status = ParseValue(reply, depth);
    // The members of an array were counted one by one.
    return status == ReplyStatus::kReply && !memory_.Count(*reply) ? ReplyStatus::kTooLarge : status;
  }

 private:
  ReplyStatus ParseValue(Reply* reply, int depth) {
    std::string_view line;
    if (const ReplyStatus status = TakeLine(&line); status != ReplyStatus::kReply) return status;
    if (line.empty()) return ReplyStatus::kError;
    const std::string_view rest = line.substr(1);
    switch (line[0]) {
      case '+': return Text(ReplyKind::kStatus, rest, reply);
      case '-': return Text(ReplyKind::kError, rest, reply);
      case ',': return Double(rest, reply);
      case '#': return Boolean(rest, reply);
      case '(': return Text(ReplyKind::kBigNumber, rest, reply);
      case '_': *reply = {}; return ReplyStatus::kReply;
      case ':': return Integer(rest, reply);
      case '$': return Bulk(ReplyKind::kText, rest, reply);
      case '=': return Bulk(ReplyKind::kVerbatim, rest, reply);
      case '!': return Bulk(ReplyKind::kError, rest, reply);
      case '*':
      case '>': return Array(ReplyKind::kArray, rest, depth, reply);
      case '~': return Array(ReplyKind::kSet, rest, depth, reply);
      case '%': return Array(ReplyKind::kMap, rest, depth, reply);
      default: return ReplyStatus::kError;
    }
  }

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

  static ReplyStatus Double(std::string_view text, Reply* reply) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return ReplyStatus::kError;
    *reply = {.kind = ReplyKind::kDouble, .number = number};
    return ReplyStatus::kReply;
  }

  static ReplyStatus Boolean(std::string_view text, Reply* reply) {
    if (text != "t" && text != "f") return ReplyStatus::kError;
    *reply = {.kind = ReplyKind::kBoolean, .integer = text == "t" ? 1 : 0};
    return ReplyStatus::kReply;
  }

  ReplyStatus Bulk(ReplyKind kind, std::string_view length_text, Reply* reply) {
    const std::optional<int64_t> length = ParseInteger(length_text);
    if (!length || *length < -1 || *length > limits_.bulk_bytes) return ReplyStatus::kError;
    *reply = {};
    if (*length == -1) return ReplyStatus::kReply;
    const auto size = static_cast<size_t>(*length);
    if (input_.size() - at_ < size + 2) return ReplyStatus::kNeedMore;
    if (input_.substr(at_ + size, 2) != "\r\n") return ReplyStatus::kError;
    const std::string_view text = input_.substr(at_, size);
    at_ += size + 2;
    return Text(kind, text, reply);
  }

  ReplyStatus Array(ReplyKind kind, std::string_view count_text, int depth, Reply* reply) {
    const std::optional<int64_t> count = ParseInteger(count_text);
    if (!count || *count < -1 || *count > limits_.elements || depth >= limits_.depth) return ReplyStatus::kError;
    *reply = {};
    if (*count == -1) return ReplyStatus::kReply;
    reply->kind = kind;
    const int64_t members = kind == ReplyKind::kMap ? 2 * *count : *count;
    for (int64_t i = 0; i < members; ++i) {
      if (const ReplyStatus status = Parse(&reply->members.emplace_back(), depth + 1); status != ReplyStatus::kReply) {
        return status;
      }
    }
    return ReplyStatus::kReply;
  }

  const std::string_view input_;
  const ReplyLimits& limits_;
  ReplyBuilder memory_;  // that only counts
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
