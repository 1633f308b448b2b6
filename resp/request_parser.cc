// SPDX-License-Identifier: MIT
#include "resp/request_parser.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "resp/inline_words.h"
#include "resp/integer_text.h"

namespace ringkv::resp {
namespace {

constexpr size_t kLongestLengthLine = 64 * 1024;
constexpr size_t kArgumentsKept = 64;
constexpr int64_t kLongestShortBulk = 99;

size_t FindLineEnd(std::string_view input, size_t from) {
  const void* found = std::memchr(input.data() + from, '\r', input.size() - from);
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - input.data());
}

// Two registers: as an optional it would go through memory, written in parts and read as one, which stalls.
struct LengthLine {
  int64_t value;
  size_t end;  // of the line; npos while it is open
};
constexpr int64_t kNotANumber = INT64_MIN;

// Reads the number between `from` and the line's end.
LengthLine ParseAnyLengthLine(std::string_view input, size_t from) {
  // Nearly all lengths are short: read them without searching first.
  int64_t value = 0;
  size_t at = from;
  while (at < input.size() && at - from < 9 && static_cast<unsigned>(input[at] - '0') <= 9) {
    value = value * 10 + (input[at] - '0');
    ++at;
  }
  if (at < input.size() && input[at] == '\r' && at > from && (input[from] != '0' || at == from + 1)) {
    return {value, at + 1 < input.size() ? at : std::string_view::npos};
  }
  const size_t line_end = FindLineEnd(input, from);
  if (line_end == std::string_view::npos || line_end + 1 == input.size()) return {0, std::string_view::npos};
  return {ParseInteger(input.substr(from, line_end - from)).value_or(kNotANumber), line_end};
}

// A length of one or two digits, which nearly all have. No such length: `end` is npos. `from` has 3 bytes.
inline LengthLine ParseShortLengthLine(std::string_view input, size_t from) {
  const char* const text = input.data() + from;
  const unsigned first = static_cast<unsigned>(text[0] - '0');
  const unsigned second = static_cast<unsigned>(text[1] - '0');
  if (first <= 9 && text[1] == '\r') return {first, from + 1};
  if (first - 1 <= 8 && second <= 9 && text[2] == '\r') return {first * 10 + second, from + 2};
  return {0, std::string_view::npos};
}

// Likewise of any length; a short one takes no call.
inline LengthLine ParseLengthLine(std::string_view input, size_t from) {
  if (from + 3 < input.size()) {
    const LengthLine line = ParseShortLengthLine(input, from);
    if (line.end != std::string_view::npos) return line;
  }
  return ParseAnyLengthLine(input, from);
}

// Takes the bulks from `at` on that are complete and have a short length; at most `left` of them, which it reduces.
// Returns the position behind them.
template <typename Slices>
size_t TakeShortBulks(std::string_view input, size_t at, int64_t& left, Slices& slices) {
  while (left > 0 && at + 5 < input.size() && input[at] == '$') {
    const LengthLine line = ParseShortLengthLine(input, at + 1);
    if (line.end == std::string_view::npos) break;
    const auto length = static_cast<size_t>(line.value);
    const size_t begin = line.end + 2;
    if (input.size() - begin < length + 2) break;
    slices.push_back({begin, length});
    at = begin + length + 2;
    --left;
  }
  return at;
}

}  // namespace

void RequestParser::Restart() {
  finished_ = false;
  position_ = 0;
  searched_ = 0;
  elements_left_ = -1;
  bulk_length_ = -1;
  slices_.clear();
  arguments_.clear();
  inline_text_.clear();
}

ParseStatus RequestParser::Fail(std::string text) {
  error_ = std::move(text);
  return ParseStatus::kError;
}

ParseStatus RequestParser::Parse(std::string_view input, const RequestLimits& limits, bool authenticated) {
  if (finished_) Restart();
  if (input.empty()) return ParseStatus::kNeedMore;
  if (elements_left_ >= 0 || input[0] == '*') return ParseArray(input, limits, authenticated);
  return ParseInline(input, limits);
}

ParseStatus RequestParser::ParseArray(std::string_view input, const RequestLimits& limits, bool authenticated) {
  if (elements_left_ < 0) {
    const auto [count, end] = ParseLengthLine(input, 1);
    if (end == std::string_view::npos) {
      if (input.size() > kLongestLengthLine) return Fail("too big mbulk count string");
      return ParseStatus::kNeedMore;
    }
    if (count == kNotANumber || count > limits.elements) return Fail("invalid multibulk length");
    if (!authenticated && count > limits.unauthenticated_elements) return Fail("unauthenticated multibulk length");
    position_ = end + 2;
    if (count <= 0) {
      finished_ = true;
      return ParseStatus::kEmpty;
    }
    elements_left_ = count;
  }
  const int64_t longest = authenticated ? limits.bulk_bytes : limits.unauthenticated_bulk_bytes;
  const bool takes_short = std::min(longest, limits.bulk_bytes) >= kLongestShortBulk;
  while (elements_left_ > 0) {
    if (bulk_length_ < 0) {
      if (takes_short) position_ = TakeShortBulks(input, position_, elements_left_, slices_);
      if (elements_left_ == 0) break;
      const ParseStatus header = ParseBulkLength(input, limits, authenticated);
      if (header != ParseStatus::kRequest) return header;
    }
    const size_t length = static_cast<size_t>(bulk_length_);
    if (input.size() - position_ < length + 2) return ParseStatus::kNeedMore;
    slices_.push_back({position_, length});
    position_ += length + 2;  // the two bytes behind a bulk are not looked at, as in Redis
    bulk_length_ = -1;
    --elements_left_;
  }
  arguments_.resize(slices_.size());
  for (size_t i = 0; i < slices_.size(); ++i) arguments_[i] = {input.data() + slices_[i].offset, slices_[i].length};
  finished_ = true;
  return ParseStatus::kRequest;
}

ParseStatus RequestParser::ParseBulkLength(std::string_view input, const RequestLimits& limits, bool authenticated) {
  if (position_ >= input.size()) return ParseStatus::kNeedMore;
  // An empty line is one too, and begins with what ends it.
  const auto [length, end] = ParseLengthLine(input, position_ + (input[position_] == '\r' ? 0 : 1));
  if (end == std::string_view::npos) {
    if (input.size() - position_ > kLongestLengthLine) return Fail("too big bulk count string");
    return ParseStatus::kNeedMore;
  }
  if (input[position_] != '$') return Fail(std::string("expected '$', got '") + input[position_] + "'");
  if (length < 0 || length > limits.bulk_bytes) return Fail("invalid bulk length");
  if (!authenticated && length > limits.unauthenticated_bulk_bytes) return Fail("unauthenticated bulk length");
  bulk_length_ = length;
  position_ = end + 2;
  return ParseStatus::kRequest;
}

ParseStatus RequestParser::ParseInline(std::string_view input, const RequestLimits& limits) {
  const void* found = std::memchr(input.data() + searched_, '\n', input.size() - searched_);
  if (found == nullptr) {
    if (input.size() > limits.inline_bytes) return Fail("too big inline request");
    searched_ = input.size();
    return ParseStatus::kNeedMore;
  }
  const size_t line_end = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  position_ = line_end + 1;
  std::string_view line = input.substr(0, line_end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  inline_text_.clear();
  std::vector<InlineWord> words;
  if (!SplitInlineWords(line, &inline_text_, &words)) return Fail("unbalanced quotes in request");
  finished_ = true;
  if (words.empty()) return ParseStatus::kEmpty;
  for (const InlineWord& word : words) {
    arguments_.push_back(std::string_view(inline_text_).substr(word.offset, word.length));
  }
  return ParseStatus::kRequest;
}

size_t RequestParser::MemoryBytes() const {
  return slices_.capacity() * sizeof(Slice) + arguments_.capacity() * sizeof(std::string_view) +
         inline_text_.capacity();
}

void RequestParser::Shrink() {
  if (!finished_ || arguments_.capacity() <= kArgumentsKept) return;
  std::vector<Slice>().swap(slices_);
  std::vector<std::string_view>().swap(arguments_);
  std::string().swap(inline_text_);
}

}  // namespace ringkv::resp
