// SPDX-License-Identifier: MIT
// string.find, match, gmatch and gsub.
#include <algorithm>
#include <cstring>

#include "server/lua/libraries.h"
#include "server/lua/pattern.h"

namespace ringkv::server::lua {

namespace {

constexpr std::string_view kPatternCharacters = "^$*+?.([%-";

std::string_view SubjectArgument(lua_State* state, int index) {
  size_t size = 0;
  const char* text = luaL_checklstring(state, index, &size);
  return {text, size};
}

// As in Lua 5.1, a pattern ends at a zero byte.
std::string_view PatternArgument(lua_State* state, int index) {
  const std::string_view text = SubjectArgument(state, index);
  return text.substr(0, text.find('\0'));
}

// The offset that the argument means: from 1 on, or backwards from the end.
size_t StartOffset(lua_State* state, int index, size_t size) {
  lua_Integer position = luaL_optinteger(state, index, 1);
  if (position < 0) position += static_cast<lua_Integer>(size) + 1;
  return std::min(static_cast<size_t>(std::max<lua_Integer>(position - 1, 0)), size);
}

bool IsPlain(std::string_view pattern) { return pattern.find_first_of(kPatternCharacters) == std::string_view::npos; }

int PushFound(lua_State* state, size_t begin, size_t end) {
  lua_pushinteger(state, static_cast<lua_Integer>(begin) + 1);
  lua_pushinteger(state, static_cast<lua_Integer>(end));
  return 2;
}

int FindPlain(lua_State* state, std::string_view subject, std::string_view text, size_t offset) {
  const void* found = memmem(subject.data() + offset, subject.size() - offset, text.data(), text.size());
  if (found == nullptr) {
    lua_pushnil(state);
    return 1;
  }
  const auto begin = static_cast<size_t>(static_cast<const char*>(found) - subject.data());
  return PushFound(state, begin, begin + text.size());
}

int FindOrMatch(lua_State* state, bool is_find) {
  const std::string_view subject = SubjectArgument(state, 1);
  std::string_view pattern = PatternArgument(state, 2);
  const size_t offset = StartOffset(state, 3, subject.size());
  if (is_find && (lua_toboolean(state, 4) != 0 || IsPlain(pattern))) {
    return FindPlain(state, subject, SubjectArgument(state, 2), offset);
  }
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  PatternMatcher matcher(state, subject, pattern);
  const char* const subject_end = subject.data() + subject.size();
  for (const char* begin = subject.data() + offset; begin <= subject_end; ++begin) {
    if (const char* end = matcher.Match(begin); end != nullptr) {
      if (!is_find) return matcher.PushCaptures(begin, end);
      PushFound(state, static_cast<size_t>(begin - subject.data()), static_cast<size_t>(end - subject.data()));
      return 2 + matcher.PushCaptures(nullptr, nullptr);
    }
    if (is_anchored) break;
  }
  lua_pushnil(state);
  return 1;
}

int StringFind(lua_State* state) { return FindOrMatch(state, true); }
int StringMatch(lua_State* state) { return FindOrMatch(state, false); }

// Upvalues: subject, pattern, offset.
int NextMatch(lua_State* state) {
  const std::string_view subject = SubjectArgument(state, lua_upvalueindex(1));
  PatternMatcher matcher(state, subject, PatternArgument(state, lua_upvalueindex(2)));
  const auto offset = static_cast<size_t>(lua_tointeger(state, lua_upvalueindex(3)));
  const char* const subject_end = subject.data() + subject.size();
  if (offset > subject.size()) return 0;
  for (const char* begin = subject.data() + offset; begin <= subject_end; ++begin) {
    const char* const end = matcher.Match(begin);
    if (end == nullptr) continue;
    const char* const next = end == begin ? end + 1 : end;
    lua_pushinteger(state, next - subject.data());
    lua_replace(state, lua_upvalueindex(3));
    return matcher.PushCaptures(begin, end);
  }
  return 0;
}

int StringGmatch(lua_State* state) {
  luaL_checkstring(state, 1);
  luaL_checkstring(state, 2);
  lua_settop(state, 2);
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, NextMatch, 3);
  return 1;
}

// --- gsub: its third argument gives the replacements ---------------------------------------------------------------

void AppendTemplate(lua_State* state, PatternMatcher& matcher, const char* begin, const char* end, ByteBuffer& out) {
  const std::string_view text = SubjectArgument(state, 3);
  Interpreter& interpreter = Interpreter::Of(state);
  for (size_t i = 0; i < text.size(); ++i) {
    interpreter.PulseIfWanted(state);
    if (text[i] != '%') {
      out.Append(state, text[i]);
      continue;
    }
    const char next = ++i < text.size() ? text[i] : '\0';
    if (next < '0' || next > '9') {
      out.Append(state, next);
    } else if (next == '0') {
      out.Append(state, {begin, static_cast<size_t>(end - begin)});
    } else {
      matcher.PushCapture(next - '1', begin, end);
      out.Append(state, SubjectArgument(state, -1));
      lua_pop(state, 1);
    }
  }
}

// Pushes what a table or a function has for the match.
void PushReplacement(lua_State* state, PatternMatcher& matcher, const char* begin, const char* end) {
  Interpreter& interpreter = Interpreter::Of(state);
  interpreter.Enter(state);
  if (lua_istable(state, 3)) {
    matcher.PushCapture(0, begin, end);
    lua_gettable(state, 3);
  } else {
    lua_pushvalue(state, 3);
    const int captures = matcher.PushCaptures(begin, end);
    lua_call(state, captures, 1);
  }
  interpreter.Leave();
}

void AppendReplacement(lua_State* state, PatternMatcher& matcher, const char* begin, const char* end, ByteBuffer& out) {
  if (lua_isstring(state, 3) != 0) return AppendTemplate(state, matcher, begin, end, out);
  PushReplacement(state, matcher, begin, end);
  if (lua_toboolean(state, -1) == 0) {
    out.Append(state, {begin, static_cast<size_t>(end - begin)});
  } else if (lua_isstring(state, -1) == 0) {
    luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
  } else {
    out.Append(state, SubjectArgument(state, -1));
  }
  lua_pop(state, 1);
}

int StringGsub(lua_State* state) {
  const std::string_view subject = SubjectArgument(state, 1);
  std::string_view pattern = PatternArgument(state, 2);
  const int type = lua_type(state, 3);
  const auto limit = luaL_optinteger(state, 4, static_cast<lua_Integer>(subject.size()) + 1);
  luaL_argcheck(state, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                "string/function/table expected");
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  PatternMatcher matcher(state, subject, pattern);
  Interpreter& interpreter = Interpreter::Of(state);
  ByteBuffer& out = interpreter.bytes().Take();
  const char* at = subject.data();
  const char* const subject_end = at + subject.size();
  lua_Integer count = 0;
  while (count < limit) {
    const char* const end = matcher.Match(at);
    if (end != nullptr) {
      ++count;
      AppendReplacement(state, matcher, at, end, out);
    }
    if (end != nullptr && end > at) {
      at = end;
    } else if (at < subject_end) {
      out.Append(state, *at++);
    } else {
      break;
    }
    if (is_anchored) break;
  }
  out.Append(state, {at, static_cast<size_t>(subject_end - at)});
  lua_pushlstring(state, out.text().data(), out.size());
  interpreter.bytes().Release();
  lua_pushinteger(state, count);
  return 2;
}

}  // namespace

void AddPatternFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"find", StringFind},    {"match", StringMatch}, {"gmatch", StringGmatch},
      {"gfind", StringGmatch}, {"gsub", StringGsub},
  };
  SetFunctions(state, kFunctions);
}

}  // namespace ringkv::server::lua
