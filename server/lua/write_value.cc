// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <string>

#include "server/lua/conversion.h"
#include "server/lua/errors.h"
#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

namespace {

constexpr int kSlotsPerLevel = 4;
constexpr int kMaxValueDepth = kWriteValueSlots / kSlotsPerLevel - 2;
constexpr size_t kMostBytesOfNumber = 64;  // in a reply, as of headers, doubles and the error of values too deep

std::string_view TextAt(lua_State* state, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text, size};
}

// Towards zero, as Redis does it on its processors: what is out of range is the smallest integer.
int64_t Truncated(lua_Number number) {
  if (!(number >= -0x1p63 && number < 0x1p63)) return INT64_MIN;
  return static_cast<int64_t>(number);
}

// As Redis writes texts into a line: up to a zero byte.
std::string_view UpToZero(std::string_view text) { return text.substr(0, text.find('\0')); }

std::string OneLine(std::string_view text) {
  std::string line(UpToZero(text));
  for (char& byte : line) {
    if (byte == '\r' || byte == '\n') byte = ' ';
  }
  return line;
}

class ValueWriter {
 public:
  ValueWriter(lua_State* state, int script_protocol, size_t limit, resp::ReplyWriter& reply)
      : state_(state),
        interpreter_(Interpreter::Of(state)),
        script_protocol_(script_protocol),
        limit_(limit),
        reply_(reply),
        begin_(reply.buffer().size()),
        counted_(begin_) {}

  // Of the value on top of the stack, which it removes.
  void Write(int depth);
  bool is_too_large() const { return is_too_large_; }

 private:
  // Pushes a raw field of the table on top, if it has this type; otherwise nothing.
  bool PushField(const char* name, int type);
  void WriteKnown(int depth);
  void WriteText(std::string_view text);
  void WriteBoolean(bool value);
  void WriteTable(int depth);
  bool WriteOneLine(int depth);
  void WriteVerbatim();
  void WriteMap(int depth);
  void WriteSet(int depth);
  void WriteArray(int depth);
  int64_t PairCount();
  // Whether the reply may have so many more bytes; from the first time on that it may not, nothing is written.
  bool HasRoom(size_t bytes);
  void WriteTooDeep() { reply_.Error("ERR reached lua stack limit"); }

  lua_State* state_;
  Interpreter& interpreter_;
  int script_protocol_;
  size_t limit_;
  resp::ReplyWriter& reply_;
  size_t begin_;    // of the buffer's bytes
  size_t counted_;  // likewise: those before are counted as memory
  bool is_too_large_ = false;
};

bool ValueWriter::HasRoom(size_t bytes) {
  constexpr size_t kCountedAtOnce = 64 * 1024;
  const size_t end = reply_.buffer().size() + bytes;
  if (end - begin_ > limit_) is_too_large_ = true;
  if (end - counted_ > kCountedAtOnce) {
    if (!interpreter_.CountOutput(end - counted_)) is_too_large_ = true;
    counted_ = end;
  }
  return !is_too_large_;
}

bool ValueWriter::PushField(const char* name, int type) {
  lua_pushstring(state_, name);
  lua_rawget(state_, -2);
  if (lua_type(state_, -1) == type) return true;
  lua_pop(state_, 1);
  return false;
}

void ValueWriter::WriteText(std::string_view text) {
  if (HasRoom(text.size())) reply_.Bulk(text);
}

void ValueWriter::WriteBoolean(bool value) {
  if (script_protocol_ >= 3) {
    reply_.Boolean(value);
  } else if (value) {
    reply_.Integer(1);
  } else {
    reply_.Null();
  }
}

void ValueWriter::Write(int depth) {
  interpreter_.PulseIfWanted(state_);
  if (HasRoom(kMostBytesOfNumber)) WriteKnown(depth);
  lua_pop(state_, 1);
}

void ValueWriter::WriteKnown(int depth) {
  switch (lua_type(state_, -1)) {
    case LUA_TSTRING: WriteText(TextAt(state_, -1)); break;
    case LUA_TNUMBER: reply_.Integer(Truncated(lua_tonumber(state_, -1))); break;
    case LUA_TBOOLEAN: WriteBoolean(lua_toboolean(state_, -1) != 0); break;
    case LUA_TTABLE:
      if (depth >= kMaxValueDepth) {
        WriteTooDeep();
      } else {
        WriteTable(depth);
      }
      break;
    default: reply_.Null();
  }
}

// Errors, statuses, doubles and big numbers: tables with one field of a certain name.
bool ValueWriter::WriteOneLine(int depth) {
  if (PushField("err", LUA_TSTRING)) {
    const std::string_view text = UpToZero(TextAt(state_, -1));
    if (HasRoom(text.size())) {
      reply_.Error(text);
      if (depth > 0) {
        interpreter_.host().NoteErrorInReply(reply_.last_error_code(), WasCounted(state_, lua_gettop(state_) - 1));
      }
    }
  } else if (PushField("ok", LUA_TSTRING)) {
    const std::string_view text = UpToZero(TextAt(state_, -1));
    if (!HasRoom(text.size())) {
      // Nothing more is written.
    } else if (text.find_first_of("\r\n") == std::string_view::npos) {
      reply_.Simple(text);
    } else {
      reply_.Simple(OneLine(text));
    }
  } else if (PushField("double", LUA_TNUMBER)) {
    reply_.Double(lua_tonumber(state_, -1));
  } else if (PushField("big_number", LUA_TSTRING)) {
    const std::string_view digits = UpToZero(TextAt(state_, -1));
    if (HasRoom(digits.size())) reply_.BigNumber(OneLine(digits));
  } else {
    return false;
  }
  lua_pop(state_, 1);
  return true;
}

// The value is the table {string = ..., format = ...}, on top of the stack; another one is an empty array.
void ValueWriter::WriteVerbatim() {
  if (!PushField("string", LUA_TSTRING)) return reply_.Array(0);
  const std::string_view text = TextAt(state_, -1);
  lua_pushliteral(state_, "format");
  lua_rawget(state_, -3);
  if (lua_type(state_, -1) == LUA_TSTRING) {
    std::string format(TextAt(state_, -1));
    format.resize(3, ' ');
    if (HasRoom(text.size())) reply_.Verbatim(text, format);
  } else {
    reply_.Array(0);
  }
  lua_pop(state_, 2);
}

int64_t ValueWriter::PairCount() {
  int64_t count = 0;
  for (lua_pushnil(state_); lua_next(state_, -2) != 0; lua_pop(state_, 1)) ++count;
  return count;
}

void ValueWriter::WriteMap(int depth) {
  reply_.Map(PairCount());
  lua_pushnil(state_);
  while (lua_next(state_, -2) != 0) {
    lua_pushvalue(state_, -2);
    Write(depth + 1);
    Write(depth + 1);
  }
}

void ValueWriter::WriteSet(int depth) {
  reply_.Set(PairCount());
  lua_pushnil(state_);
  while (lua_next(state_, -2) != 0) {
    lua_pop(state_, 1);
    lua_pushvalue(state_, -1);
    Write(depth + 1);
  }
}

void ValueWriter::WriteArray(int depth) {
  int count = 0;
  for (;; ++count) {
    lua_rawgeti(state_, -1, count + 1);
    const bool is_end = lua_isnil(state_, -1);
    lua_pop(state_, 1);
    if (is_end) break;
  }
  reply_.Array(count);
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(state_, -1, i);
    Write(depth + 1);
  }
}

void ValueWriter::WriteTable(int depth) {
  if (WriteOneLine(depth)) return;
  if (PushField("map", LUA_TTABLE)) {
    WriteMap(depth);
  } else if (PushField("set", LUA_TTABLE)) {
    WriteSet(depth);
  } else if (PushField("verbatim_string", LUA_TTABLE)) {
    WriteVerbatim();
  } else {
    return WriteArray(depth);
  }
  lua_pop(state_, 1);
}

}  // namespace

bool WriteValue(lua_State* state, int script_protocol, size_t limit, resp::ReplyWriter& reply) {
  const size_t begin = reply.buffer().size();
  ValueWriter writer(state, script_protocol, limit, reply);
  writer.Write(0);
  if (!writer.is_too_large()) return true;
  reply.buffer().TruncateTo(begin);
  reply.Error("ERR the reply of the script exceeds the memory limit of scripts");
  return false;
}

}  // namespace ringkv::server::lua
