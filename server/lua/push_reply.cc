// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "server/lua/conversion.h"
#include "server/lua/errors.h"
#include "storage/base/check.h"

namespace ringkv::server::lua {

namespace {

// Deeper than any reply of a command.
constexpr int kMaxReplyDepth = 100;

// Reads one reply after the other.
class ReplyReader {
 public:
  ReplyReader(lua_State* state, std::string_view bytes) : state_(state), rest_(bytes) {}

  bool PushNext(int depth);

 private:
  std::string_view Line();
  int64_t Number();
  void PushText(std::string_view text) { lua_pushlstring(state_, text.data(), text.size()); }
  void PushBulk();
  void PushStatus(std::string_view text);
  void PushArray(int depth);
  void PushMap(int depth);
  void PushSet(int depth);
  void PushDouble(std::string_view text);
  void PushVerbatim();
  void PushOnlyField(const char* name);
  std::string_view Bytes(size_t count);

  lua_State* state_;
  std::string_view rest_;
};

// Up to the line end, which it skips.
std::string_view ReplyReader::Line() {
  const size_t end = rest_.find('\r');
  RINGKV_CHECK(end != std::string_view::npos && end + 1 < rest_.size());
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 2);
  return line;
}

// A ReplyWriter has written it, so its digits need no check.
int64_t ReplyReader::Number() {
  const bool is_negative = rest_.front() == '-';
  size_t at = is_negative ? 1 : 0;
  uint64_t number = 0;
  for (; at < rest_.size() && rest_[at] != '\r'; ++at) number = number * 10 + static_cast<uint64_t>(rest_[at] - '0');
  RINGKV_CHECK(at + 2 <= rest_.size());
  rest_.remove_prefix(at + 2);
  return static_cast<int64_t>(is_negative ? 0 - number : number);
}

std::string_view ReplyReader::Bytes(size_t count) {
  RINGKV_CHECK(rest_.size() >= count + 2);
  const std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count + 2);
  return bytes;
}

void ReplyReader::PushBulk() {
  const int64_t size = Number();
  if (size < 0) {
    lua_pushboolean(state_, 0);
  } else {
    PushText(Bytes(static_cast<size_t>(size)));
  }
}

// {name = the value on top}
void ReplyReader::PushOnlyField(const char* name) {
  lua_createtable(state_, 0, 1);
  lua_insert(state_, -2);
  lua_setfield(state_, -2, name);
}

void ReplyReader::PushStatus(std::string_view text) {
  PushText(text);
  PushOnlyField("ok");
}

void ReplyReader::PushArray(int depth) {
  const int64_t count = Number();
  if (count < 0) {
    lua_pushboolean(state_, 0);
    return;
  }
  lua_createtable(state_, static_cast<int>(count), 0);
  for (int i = 1; i <= static_cast<int>(count); ++i) {
    PushNext(depth + 1);
    lua_rawseti(state_, -2, i);
  }
}

void ReplyReader::PushMap(int depth) {
  const int64_t count = Number();
  lua_createtable(state_, 0, static_cast<int>(count));
  for (int64_t i = 0; i < count; ++i) {
    PushNext(depth + 1);
    PushNext(depth + 1);
    if (lua_isnil(state_, -2)) {
      lua_pop(state_, 2);
    } else {
      lua_rawset(state_, -3);
    }
  }
  PushOnlyField("map");
}

void ReplyReader::PushSet(int depth) {
  const int64_t count = Number();
  lua_createtable(state_, 0, static_cast<int>(count));
  for (int64_t i = 0; i < count; ++i) {
    PushNext(depth + 1);
    if (lua_isnil(state_, -1)) {
      lua_pop(state_, 1);
      continue;
    }
    lua_pushboolean(state_, 1);
    lua_rawset(state_, -3);
  }
  PushOnlyField("set");
}

void ReplyReader::PushDouble(std::string_view text) {
  double number = 0;
  if (text == "inf") {
    number = HUGE_VAL;
  } else if (text == "-inf") {
    number = -HUGE_VAL;
  } else if (text.ends_with("nan")) {
    number = std::nan("");
  } else {
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  lua_pushnumber(state_, number);
  PushOnlyField("double");
}

void ReplyReader::PushVerbatim() {
  const std::string_view text = Bytes(static_cast<size_t>(Number()));
  lua_createtable(state_, 0, 2);
  PushText(text.substr(0, 3));
  lua_setfield(state_, -2, "format");
  PushText(text.substr(4));
  lua_setfield(state_, -2, "string");
  PushOnlyField("verbatim_string");
}

bool ReplyReader::PushNext(int depth) {
  if (depth > kMaxReplyDepth) RaiseError(state_, "the reply of the command nests too deeply");
  luaL_checkstack(state_, 6, "too many nested values");
  RINGKV_CHECK(!rest_.empty());
  const char kind = rest_.front();
  rest_.remove_prefix(1);
  switch (kind) {
    case '$': PushBulk(); return false;
    case ':': lua_pushnumber(state_, static_cast<lua_Number>(Number())); return false;
    case '+': PushStatus(Line()); return false;
    case '-':
      PushErrorReply(state_, Line());
      lua_pushboolean(state_, 1);
      lua_setfield(state_, -2, "ignore_error_stats_update");
      return true;
    case '*':
    case '>': PushArray(depth); return false;
    case '%': PushMap(depth); return false;
    case '~': PushSet(depth); return false;
    case ',': PushDouble(Line()); return false;
    case '#': lua_pushboolean(state_, Line() == "t"); return false;
    case '(':
      PushText(Line());
      PushOnlyField("big_number");
      return false;
    case '=': PushVerbatim(); return false;
    case '_':
      Line();
      lua_pushnil(state_);
      return false;
    default: RaiseError(state_, "the reply of the command is of an unknown type");
  }
}

}  // namespace

bool PushReply(lua_State* state, std::string_view reply) { return ReplyReader(state, reply).PushNext(0); }

}  // namespace ringkv::server::lua
