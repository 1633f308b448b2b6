// SPDX-License-Identifier: MIT
// string.format: as in Lua 5.1, whose errors differ from those of later versions, and without calls of __tostring.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "server/lua/interpreter.h"
#include "server/lua/string_format.h"

namespace ringkv::server::lua {

namespace {

constexpr std::string_view kFlags = "-+ #0";
constexpr size_t kMaxItemBytes = 512;  // of a number with 99 digits of precision
constexpr size_t kLongString = 100;    // written as it is, if no precision shortens it

// One conversion: "%" flags width "." precision letter.
struct Conversion {
  std::string_view text;  // without the letter
  char letter = '\0';
  bool is_plain() const { return text.size() == 1; }
};

class Formatter {
 public:
  Formatter(lua_State* state, ByteBuffer& out) : state_(state), out_(out) {}
  void Format(std::string_view format);

 private:
  Conversion ReadConversion(std::string_view format, size_t& at);
  void Convert(const Conversion& conversion);
  void AppendCharacter(const Conversion& conversion);
  void AppendText(const Conversion& conversion);
  void AppendQuoted();
  void AppendInteger(const Conversion& conversion);
  template <typename... Values>
  void Print(const Conversion& conversion, const char* length, Values... values);

  lua_State* state_;
  ByteBuffer& out_;
  int argument_ = 1;
};

int64_t SignedValue(lua_Number number) {
  if (!(number >= -0x1p63 && number < 0x1p63)) return INT64_MIN;
  return static_cast<int64_t>(number);
}

uint64_t UnsignedValue(lua_Number number) {
  if (number >= 0x1p63 && number < 0x1p64) return static_cast<uint64_t>(number);
  return static_cast<uint64_t>(SignedValue(number));
}

Conversion Formatter::ReadConversion(std::string_view format, size_t& at) {
  const size_t begin = at++;
  const auto is_digit = [&] { return at < format.size() && std::isdigit(static_cast<unsigned char>(format[at])) != 0; };
  while (at < format.size() && kFlags.find(format[at]) != std::string_view::npos) ++at;
  if (at - begin - 1 > kFlags.size()) luaL_error(state_, "invalid format (repeated flags)");
  for (int i = 0; i < 2 && is_digit(); ++i) ++at;
  if (at < format.size() && format[at] == '.') {
    ++at;
    for (int i = 0; i < 2 && is_digit(); ++i) ++at;
  }
  if (is_digit()) luaL_error(state_, "invalid format (width or precision too long)");
  const char letter = at < format.size() ? format[at] : '\0';
  const Conversion conversion{format.substr(begin, at - begin), letter};
  if (at < format.size()) ++at;
  return conversion;
}

// The text has at most 1 + flags + 2 + 1 + 2 characters.
template <typename... Values>
void Formatter::Print(const Conversion& conversion, const char* length, Values... values) {
  char format[32];
  const size_t size = conversion.text.size();
  std::memcpy(format, conversion.text.data(), size);
  std::snprintf(format + size, sizeof format - size, "%s%c", length, conversion.letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int written = std::snprintf(out_.Prepare(state_, kMaxItemBytes), kMaxItemBytes, format, values...);
#pragma GCC diagnostic pop
  out_.Commit(static_cast<size_t>(written));
}

void Formatter::AppendInteger(const Conversion& conversion) {
  const auto number = luaL_checknumber(state_, argument_);
  if (conversion.letter != 'd' && conversion.letter != 'i') {
    return Print(conversion, "l", UnsignedValue(number));
  }
  if (!conversion.is_plain()) return Print(conversion, "l", SignedValue(number));
  char* const begin = out_.Prepare(state_, kMaxItemBytes);
  out_.Commit(static_cast<size_t>(std::to_chars(begin, begin + kMaxItemBytes, SignedValue(number)).ptr - begin));
}

// As Lua 5.1 does it, a zero byte ends the text of the conversion.
void Formatter::AppendCharacter(const Conversion& conversion) {
  const auto character = static_cast<int>(SignedValue(luaL_checknumber(state_, argument_)));
  const size_t begin = out_.size();
  Print(conversion, "", character);
  out_.Truncate(begin + std::min(out_.text().substr(begin).find('\0'), out_.size() - begin));
}

void Formatter::AppendText(const Conversion& conversion) {
  size_t size = 0;
  const char* text = luaL_checklstring(state_, argument_, &size);
  const bool is_cut = conversion.text.find('.') != std::string_view::npos;
  if (!is_cut && size >= kLongString) {
    out_.Append(state_, {text, size});
  } else if (conversion.is_plain()) {
    out_.Append(state_, text);  // up to a zero byte, as below
  } else {
    Print(conversion, "", text);  // at most 99 characters: by its precision, or by its size
  }
}

void Formatter::AppendQuoted() {
  size_t size = 0;
  const char* text = luaL_checklstring(state_, argument_, &size);
  out_.Append(state_, '"');
  for (const char byte : std::string_view(text, size)) {
    if (byte == '"' || byte == '\\' || byte == '\n') {
      out_.Append(state_, '\\');
      out_.Append(state_, byte);
    } else if (byte == '\r') {
      out_.Append(state_, "\\r");
    } else if (byte == '\0') {
      out_.Append(state_, "\\000");
    } else {
      out_.Append(state_, byte);
    }
  }
  out_.Append(state_, '"');
}

void Formatter::Convert(const Conversion& conversion) {
  switch (conversion.letter) {
    case 'c': return AppendCharacter(conversion);
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X': return AppendInteger(conversion);
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G': return Print(conversion, "", luaL_checknumber(state_, argument_));
    case 'q': return AppendQuoted();
    case 's': return AppendText(conversion);
    case '\0': luaL_error(state_, "invalid option '%%' to 'format'"); break;
    default: luaL_error(state_, "invalid option '%%%c' to 'format'", conversion.letter);
  }
}

void Formatter::Format(std::string_view format) {
  for (size_t at = 0; at < format.size();) {
    const size_t percent = format.find('%', at);
    out_.Append(state_, format.substr(at, percent - at));
    if (percent == std::string_view::npos) return;
    at = percent;
    if (at + 1 < format.size() && format[at + 1] == '%') {
      out_.Append(state_, '%');
      at += 2;
      continue;
    }
    if (++argument_ > lua_gettop(state_)) luaL_argerror(state_, argument_, "no value");
    Convert(ReadConversion(format, at));
  }
}

}  // namespace

int StringFormat(lua_State* state) {
  size_t size = 0;
  const char* format = luaL_checklstring(state, 1, &size);
  BytePool& pool = Interpreter::Of(state).bytes();
  ByteBuffer& out = pool.Take();
  Formatter(state, out).Format({format, size});
  lua_pushlstring(state, out.text().data(), out.size());
  pool.Release();
  return 1;
}

}  // namespace ringkv::server::lua
