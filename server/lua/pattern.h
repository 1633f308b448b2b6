// SPDX-License-Identifier: MIT
// Matching with Lua's patterns. Patterns that take exponential time can be interrupted.
//
// Threads: confined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <string_view>

#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

class PatternMatcher {
 public:
  // Malformed patterns raise errors in `state`, and so does the end of the run. Subject and pattern must outlive the
  // matcher.
  PatternMatcher(lua_State* state, std::string_view subject, std::string_view pattern);

  // The end of a match that begins at `begin`; null: there is none.
  const char* Match(const char* begin);

  // --- After a match ------------------------------------------------------------------------------------------------
  int captures() const { return level_; }
  // Pushes the capture, a text or a position. Without any captures, capture 0 is the whole match from `begin` to `end`.
  void PushCapture(int index, const char* begin, const char* end);
  // All of them, or the whole match if `begin` isn't null and there are none; returns their number.
  int PushCaptures(const char* begin, const char* end);

 private:
  static constexpr int kMaxCaptures = 32;
  static constexpr int kMaxDepth = 200;
  static constexpr size_t kStepsPerLook = 4096;
  static constexpr size_t kComparedPerStep = 16;  // bytes
  static constexpr ptrdiff_t kOpen = -1;
  static constexpr ptrdiff_t kPosition = -2;

  struct Capture {
    const char* begin;
    ptrdiff_t size;  // or kOpen, kPosition
  };

  const char* MatchHere(const char* subject, const char* pattern);
  const char* MatchRest(const char* subject, const char* pattern);
  const char* MatchRepeated(const char* subject, const char* item, const char* item_end);
  const char* MatchMost(const char* subject, const char* item, const char* item_end);
  const char* MatchFewest(const char* subject, const char* item, const char* item_end);
  const char* MatchOpen(const char* subject, const char* pattern, ptrdiff_t kind);
  const char* MatchClose(const char* subject, const char* pattern);
  const char* SkipBalanced(const char* subject, const char* delimiters);
  const char* SkipCaptured(const char* subject, char digit);
  bool IsAtFrontier(const char* subject, const char* set, const char* set_end) const;
  const char* ItemEnd(const char* item);
  bool ItemMatches(const char* subject, const char* item, const char* item_end);
  // About the number of bytes of subject or pattern that were looked at.
  void CountSteps(size_t steps);

  lua_State* state_;
  Interpreter& interpreter_;
  std::string_view subject_;
  std::string_view pattern_;
  int level_ = 0;
  int depth_ = 0;
  size_t steps_ = 0;
  std::array<Capture, kMaxCaptures> captures_;
};

}  // namespace ringkv::server::lua
