// SPDX-License-Identifier: MIT
#include "server/lua/pattern.h"

#include <cctype>
#include <cstring>

namespace ringkv::server::lua {

namespace {

// %a, %d and so on. In upper case: what is not in the class. Other characters stand for themselves.
bool IsInClass(unsigned char byte, char name) {
  bool is_in = false;
  switch (std::tolower(static_cast<unsigned char>(name))) {
    case 'a': is_in = std::isalpha(byte) != 0; break;
    case 'c': is_in = std::iscntrl(byte) != 0; break;
    case 'd': is_in = std::isdigit(byte) != 0; break;
    case 'l': is_in = std::islower(byte) != 0; break;
    case 'p': is_in = std::ispunct(byte) != 0; break;
    case 's': is_in = std::isspace(byte) != 0; break;
    case 'u': is_in = std::isupper(byte) != 0; break;
    case 'w': is_in = std::isalnum(byte) != 0; break;
    case 'x': is_in = std::isxdigit(byte) != 0; break;
    case 'z': is_in = byte == 0; break;
    default: return static_cast<unsigned char>(name) == byte;
  }
  return is_in != (std::isupper(static_cast<unsigned char>(name)) != 0);
}

// `set` is at the [, `end` behind the ].
bool IsInSet(unsigned char byte, const char* set, const char* end) {
  const char* at = set + 1;
  const char* last = end - 1;
  const bool is_negated = *at == '^';
  if (is_negated) ++at;
  while (at < last) {
    if (*at == '%' && at + 1 < last) {
      if (IsInClass(byte, at[1])) return !is_negated;
      at += 2;
    } else if (at + 2 < last && at[1] == '-') {
      if (static_cast<unsigned char>(*at) <= byte && byte <= static_cast<unsigned char>(at[2])) return !is_negated;
      at += 3;
    } else {
      if (static_cast<unsigned char>(*at) == byte) return !is_negated;
      ++at;
    }
  }
  return is_negated;
}

}  // namespace

PatternMatcher::PatternMatcher(lua_State* state, std::string_view subject, std::string_view pattern)
    : state_(state), interpreter_(Interpreter::Of(state)), subject_(subject), pattern_(pattern) {}

const char* PatternMatcher::Match(const char* begin) {
  CountSteps(1);
  level_ = 0;
  depth_ = 0;
  return MatchHere(begin, pattern_.data());
}

void PatternMatcher::CountSteps(size_t steps) {
  steps_ += steps;
  if (steps_ < kStepsPerLook) return;
  steps_ = 0;
  interpreter_.PulseIfWanted(state_);
}

const char* PatternMatcher::ItemEnd(const char* item) {
  const char* const end = pattern_.data() + pattern_.size();
  const char first = *item++;
  if (first == '%') {
    if (item == end) luaL_error(state_, "malformed pattern (ends with '%%')");
    return item + 1;
  }
  if (first != '[') return item;
  const char* const begin = item;
  if (item != end && *item == '^') ++item;
  do {  // a ] that comes first is in the set
    if (item == end) luaL_error(state_, "malformed pattern (missing ']')");
    if (*item++ == '%' && item != end) ++item;
  } while (item == end || *item != ']');
  CountSteps(static_cast<size_t>(item - begin));
  return item + 1;
}

bool PatternMatcher::ItemMatches(const char* subject, const char* item, const char* item_end) {
  CountSteps(static_cast<size_t>(item_end - item));
  if (subject == subject_.data() + subject_.size()) return false;
  const auto byte = static_cast<unsigned char>(*subject);
  switch (*item) {
    case '.': return true;
    case '%': return IsInClass(byte, item[1]);
    case '[': return IsInSet(byte, item, item_end);
    default: return static_cast<unsigned char>(*item) == byte;
  }
}

const char* PatternMatcher::MatchHere(const char* subject, const char* pattern) {
  if (++depth_ > kMaxDepth) luaL_error(state_, "pattern too complex");
  const char* const match = MatchRest(subject, pattern);
  --depth_;
  return match;
}

const char* PatternMatcher::MatchRest(const char* subject, const char* pattern) {
  const char* const pattern_end = pattern_.data() + pattern_.size();
  const char* const subject_end = subject_.data() + subject_.size();
  while (pattern != pattern_end) {
    const char next = pattern + 1 == pattern_end ? '\0' : pattern[1];
    if (*pattern == '(') {
      return next == ')' ? MatchOpen(subject, pattern + 2, kPosition) : MatchOpen(subject, pattern + 1, kOpen);
    }
    if (*pattern == ')') return MatchClose(subject, pattern + 1);
    if (*pattern == '$' && pattern + 1 == pattern_end) return subject == subject_end ? subject : nullptr;
    if (*pattern == '%' && next == 'b') {
      if (pattern_end - pattern < 4) luaL_error(state_, "unbalanced pattern");
      subject = SkipBalanced(subject, pattern + 2);
      if (subject == nullptr) return nullptr;
      pattern += 4;
      continue;
    }
    if (*pattern == '%' && next == 'f') {
      pattern += 2;
      if (pattern == pattern_end || *pattern != '[') luaL_error(state_, "missing '[' after '%%f' in pattern");
      const char* const set_end = ItemEnd(pattern);
      if (!IsAtFrontier(subject, pattern, set_end)) return nullptr;
      pattern = set_end;
      continue;
    }
    if (*pattern == '%' && std::isdigit(static_cast<unsigned char>(next)) != 0) {
      subject = SkipCaptured(subject, next);
      if (subject == nullptr) return nullptr;
      pattern += 2;
      continue;
    }
    const char* const item_end = ItemEnd(pattern);
    const char quantifier = item_end == pattern_end ? '\0' : *item_end;
    if (quantifier == '*' || quantifier == '+' || quantifier == '-') {
      return MatchRepeated(subject, pattern, item_end);
    }
    if (quantifier == '?') {
      if (ItemMatches(subject, pattern, item_end)) {
        if (const char* match = MatchHere(subject + 1, item_end + 1); match != nullptr) return match;
      }
      pattern = item_end + 1;
      continue;
    }
    if (!ItemMatches(subject, pattern, item_end)) return nullptr;
    ++subject;
    pattern = item_end;
  }
  return subject;
}

const char* PatternMatcher::MatchRepeated(const char* subject, const char* item, const char* item_end) {
  if (*item_end == '-') return MatchFewest(subject, item, item_end);
  if (*item_end == '+') {
    if (!ItemMatches(subject, item, item_end)) return nullptr;
    ++subject;
  }
  return MatchMost(subject, item, item_end);
}

const char* PatternMatcher::MatchMost(const char* subject, const char* item, const char* item_end) {
  const char* last = subject;
  while (ItemMatches(last, item, item_end)) ++last;
  for (;; --last) {
    if (const char* match = MatchHere(last, item_end + 1); match != nullptr) return match;
    if (last == subject) return nullptr;
  }
}

const char* PatternMatcher::MatchFewest(const char* subject, const char* item, const char* item_end) {
  for (;; ++subject) {
    if (const char* match = MatchHere(subject, item_end + 1); match != nullptr) return match;
    if (!ItemMatches(subject, item, item_end)) return nullptr;
  }
}

const char* PatternMatcher::MatchOpen(const char* subject, const char* pattern, ptrdiff_t kind) {
  if (level_ == kMaxCaptures) luaL_error(state_, "too many captures");
  captures_[static_cast<size_t>(level_++)] = {subject, kind};
  const char* const match = MatchHere(subject, pattern);
  if (match == nullptr) --level_;
  return match;
}

const char* PatternMatcher::MatchClose(const char* subject, const char* pattern) {
  int open = level_ - 1;
  while (open >= 0 && captures_[static_cast<size_t>(open)].size != kOpen) --open;
  if (open < 0) luaL_error(state_, "invalid pattern capture");
  Capture& capture = captures_[static_cast<size_t>(open)];
  capture.size = subject - capture.begin;
  const char* const match = MatchHere(subject, pattern);
  if (match == nullptr) capture.size = kOpen;
  return match;
}

// `delimiters`: the two characters.
const char* PatternMatcher::SkipBalanced(const char* subject, const char* delimiters) {
  const char* const end = subject_.data() + subject_.size();
  if (subject == end || *subject != delimiters[0]) return nullptr;
  int open = 1;
  for (const char* at = subject + 1; at != end; ++at) {
    CountSteps(1);
    if (*at == delimiters[1]) {
      if (--open == 0) return at + 1;
    } else if (*at == delimiters[0]) {
      ++open;
    }
  }
  return nullptr;
}

const char* PatternMatcher::SkipCaptured(const char* subject, char digit) {
  const int index = digit - '1';
  if (index < 0 || index >= level_ || captures_[static_cast<size_t>(index)].size == kOpen) {
    luaL_error(state_, "invalid capture index");
  }
  const Capture& capture = captures_[static_cast<size_t>(index)];
  if (capture.size < 0) return nullptr;  // a position
  const auto size = static_cast<size_t>(capture.size);
  if (static_cast<size_t>(subject_.data() + subject_.size() - subject) < size) return nullptr;
  CountSteps(size / kComparedPerStep);
  return std::memcmp(subject, capture.begin, size) == 0 ? subject + size : nullptr;
}

bool PatternMatcher::IsAtFrontier(const char* subject, const char* set, const char* set_end) const {
  const char before = subject == subject_.data() ? '\0' : subject[-1];
  const char here = subject == subject_.data() + subject_.size() ? '\0' : *subject;
  return !IsInSet(static_cast<unsigned char>(before), set, set_end) &&
         IsInSet(static_cast<unsigned char>(here), set, set_end);
}

void PatternMatcher::PushCapture(int index, const char* begin, const char* end) {
  if (index >= level_) {
    if (index != 0) luaL_error(state_, "invalid capture index");
    lua_pushlstring(state_, begin, static_cast<size_t>(end - begin));
    return;
  }
  const Capture& capture = captures_[static_cast<size_t>(index)];
  if (capture.size == kOpen) luaL_error(state_, "unfinished capture");
  if (capture.size == kPosition) {
    lua_pushinteger(state_, capture.begin - subject_.data() + 1);
  } else {
    lua_pushlstring(state_, capture.begin, static_cast<size_t>(capture.size));
  }
}

int PatternMatcher::PushCaptures(const char* begin, const char* end) {
  const int count = level_ == 0 && begin != nullptr ? 1 : level_;
  luaL_checkstack(state_, count, "too many captures");
  for (int i = 0; i < count; ++i) PushCapture(i, begin, end);
  return count;
}

}  // namespace ringkv::server::lua
