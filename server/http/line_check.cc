// SPDX-License-Identifier: MIT
#include "server/http/line_check.h"

#include <array>

namespace ringkv::server::http {
namespace {

constexpr std::string_view kBadLineEnd = "a line does not end with carriage return and line feed";
constexpr std::string_view kBadRequestLine =
    "the first line is not a method, a target and a version with one blank between them";
constexpr std::string_view kFolded = "a header line begins with a blank";
constexpr std::string_view kBadName = "a header name has an invalid character";
constexpr std::string_view kBadValue = "a header value has a control character";

// Of names of headers and methods (RFC 9110, 5.6.2).
constexpr auto kIsOfToken = [] {
  std::array<bool, 256> is_of_token{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    is_of_token[static_cast<unsigned char>(c)] = true;
  }
  return is_of_token;
}();

bool IsOfToken(char c) { return kIsOfToken[static_cast<unsigned char>(c)]; }
bool IsControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

}  // namespace

size_t LineCheck::Check(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size() && state_ != State::kDone; ++i) {
    wrong_ = CheckByte(bytes[i]);
    if (!wrong_.empty()) return i;
  }
  return bytes.size();
}

std::string_view LineCheck::CheckByte(char byte) {
  switch (state_) {
    case State::kStart:
      if (byte != '\r' && !IsOfToken(byte)) return kBadRequestLine;
      state_ = byte == '\r' ? State::kStartEnd : State::kRequestLine;
      return {};
    case State::kRequestLine:
    case State::kRequestBlank:
      if (byte == ' ' && state_ == State::kRequestLine && blanks_ < 2) {
        ++blanks_;
        state_ = State::kRequestBlank;
      } else if (byte == '\r' && state_ == State::kRequestLine && blanks_ == 2) {
        state_ = State::kLineEnd;
      } else if (byte == ' ' || IsControl(byte) || (blanks_ == 0 && !IsOfToken(byte))) {
        return byte == '\n' ? kBadLineEnd : kBadRequestLine;
      } else {
        state_ = State::kRequestLine;
      }
      return {};
    case State::kStartEnd:
    case State::kLineEnd:
    case State::kEnd:
      if (byte != '\n') return kBadLineEnd;
      state_ = state_ == State::kStartEnd ? State::kStart : state_ == State::kEnd ? State::kDone : State::kFieldStart;
      return {};
    case State::kFieldStart:
      if (byte == '\n') return kBadLineEnd;
      if (byte == ' ' || byte == '\t') return kFolded;
      if (byte != '\r' && !IsOfToken(byte)) return kBadName;
      state_ = byte == '\r' ? State::kEnd : State::kName;
      return {};
    case State::kName:
      if (byte != ':' && !IsOfToken(byte)) return kBadName;
      if (byte == ':') state_ = State::kValue;
      return {};
    case State::kValue:
      if (byte == '\n') return kBadLineEnd;
      if (byte == '\r') {
        state_ = State::kLineEnd;
      } else if (IsControl(byte) && byte != '\t') {
        return kBadValue;
      }
      return {};
    case State::kDone: return {};
  }
  return {};
}

}  // namespace ringkv::server::http
