// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>
#include <cstdio>

#include "server/lua/interpreter.h"
#include "server/lua/json.h"

namespace ringkv::server::lua {

namespace {

constexpr int kMaxNumberBytes = 32;

class JsonWriter {
 public:
  JsonWriter(lua_State* state, ByteBuffer& out)
      : state_(state), interpreter_(Interpreter::Of(state)), options_(interpreter_.json()), out_(out) {}

  // The value on top of the stack, which stays there.
  void Write(int depth);

 private:
  [[noreturn]] void Refuse(const char* reason);
  void WriteString(std::string_view text);
  void WriteNumber();
  void WriteTable(int depth);
  void WriteArray(int length, int depth);
  void WriteObject(int depth);
  int ArrayLength();

  lua_State* state_;
  Interpreter& interpreter_;
  const JsonOptions& options_;
  ByteBuffer& out_;
};

void JsonWriter::Refuse(const char* reason) {
  luaL_error(state_, "Cannot serialise %s: %s", luaL_typename(state_, -1), reason);
  __builtin_unreachable();
}

// Without the quotes; empty: the byte stands for itself.
std::string_view EscapeOf(char byte) {
  switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '/': return "\\/";
    case '\b': return "\\b";
    case '\t': return "\\t";
    case '\n': return "\\n";
    case '\f': return "\\f";
    case '\r': return "\\r";
    default: return {};
  }
}

void JsonWriter::WriteString(std::string_view text) {
  out_.Append(state_, '"');
  size_t written = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view escape = EscapeOf(text[i]);
    if (escape.empty() && byte >= 0x20 && byte != 0x7f) continue;
    out_.Append(state_, text.substr(written, i - written));
    written = i + 1;
    if (!escape.empty()) {
      out_.Append(state_, escape);
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const char code[] = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
      out_.Append(state_, {code, sizeof code});
    }
  }
  out_.Append(state_, text.substr(written));
  out_.Append(state_, '"');
}

void JsonWriter::WriteNumber() {
  const lua_Number number = lua_tonumber(state_, -1);
  if (!std::isfinite(number)) {
    if (options_.encode_invalid == InvalidNumbers::kRefused) Refuse("must not be NaN or Inf");
    if (options_.encode_invalid == InvalidNumbers::kNull) return out_.Append(state_, "null");
    return out_.Append(state_, std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
  }
  char* const begin = out_.Prepare(state_, kMaxNumberBytes);
  // Integers of few digits are the same with any precision that keeps them.
  const auto integer = static_cast<int>(std::abs(number) < 1e9 ? number : 0);
  if (static_cast<lua_Number>(integer) == number && options_.precision >= 9 &&
      (integer != 0 || !std::signbit(number))) {
    return out_.Commit(static_cast<size_t>(std::to_chars(begin, begin + kMaxNumberBytes, integer).ptr - begin));
  }
  out_.Commit(static_cast<size_t>(std::snprintf(begin, kMaxNumberBytes, "%.*g", options_.precision, number)));
}

// -1: the table is an object. An empty one is, too.
int JsonWriter::ArrayLength() {
  lua_Number highest = 0;
  int count = 0;
  for (lua_pushnil(state_); lua_next(state_, -2) != 0; lua_pop(state_, 1)) {
    interpreter_.PulseIfWanted(state_);
    const lua_Number key = lua_type(state_, -2) == LUA_TNUMBER ? lua_tonumber(state_, -2) : 0;
    if (!(key >= 1) || std::floor(key) != key || key > INT32_MAX) {
      lua_pop(state_, 2);
      return -1;
    }
    highest = std::max(highest, key);
    ++count;
  }
  const bool is_sparse = options_.sparse_ratio > 0 &&
                         highest > static_cast<lua_Number>(count) * options_.sparse_ratio &&
                         highest > options_.sparse_safe;
  if (!is_sparse) return count == 0 ? -1 : static_cast<int>(highest);
  if (!options_.sparse_as_object) Refuse("excessively sparse array");
  return -1;
}

void JsonWriter::WriteArray(int length, int depth) {
  out_.Append(state_, '[');
  for (int i = 1; i <= length; ++i) {
    if (i > 1) out_.Append(state_, ',');
    lua_rawgeti(state_, -1, i);
    Write(depth);
    lua_pop(state_, 1);
  }
  out_.Append(state_, ']');
}

void JsonWriter::WriteObject(int depth) {
  out_.Append(state_, '{');
  bool is_first = true;
  lua_pushnil(state_);
  while (lua_next(state_, -2) != 0) {
    if (!is_first) out_.Append(state_, ',');
    is_first = false;
    lua_pushvalue(state_, -2);
    if (lua_type(state_, -1) == LUA_TNUMBER) {
      out_.Append(state_, '"');
      WriteNumber();
      out_.Append(state_, '"');
    } else if (lua_type(state_, -1) == LUA_TSTRING) {
      size_t size = 0;
      const char* text = lua_tolstring(state_, -1, &size);
      WriteString({text, size});
    } else {
      Refuse("table key must be a number or string");
    }
    lua_pop(state_, 1);
    out_.Append(state_, ':');
    Write(depth);
    lua_pop(state_, 1);
  }
  out_.Append(state_, '}');
}

void JsonWriter::WriteTable(int depth) {
  if (++depth > options_.encode_depth || lua_checkstack(state_, 4) == 0) {
    luaL_error(state_, "Cannot serialise, excessive nesting (%d)", depth);
  }
  const int length = ArrayLength();
  length > 0 ? WriteArray(length, depth) : WriteObject(depth);
}

void JsonWriter::Write(int depth) {
  interpreter_.PulseIfWanted(state_);
  switch (lua_type(state_, -1)) {
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(state_, -1, &size);
      return WriteString({text, size});
    }
    case LUA_TNUMBER: return WriteNumber();
    case LUA_TBOOLEAN: return out_.Append(state_, lua_toboolean(state_, -1) != 0 ? "true" : "false");
    case LUA_TTABLE: return WriteTable(depth);
    case LUA_TNIL: return out_.Append(state_, "null");
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(state_, -1) == nullptr) return out_.Append(state_, "null");
      [[fallthrough]];
    default: Refuse("type not supported");
  }
}

}  // namespace

int JsonEncode(lua_State* state) {
  luaL_argcheck(state, lua_gettop(state) == 1, 1, "expected 1 argument");
  BytePool& pool = Interpreter::Of(state).bytes();
  ByteBuffer& out = pool.Take();
  JsonWriter(state, out).Write(0);
  lua_pushlstring(state, out.text().data(), out.size());
  pool.Release();
  return 1;
}

}  // namespace ringkv::server::lua
