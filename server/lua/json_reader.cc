// SPDX-License-Identifier: MIT
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/lua/interpreter.h"
#include "server/lua/json.h"

namespace ringkv::server::lua {

namespace {

enum class Token {
  kObjectBegin,
  kObjectEnd,
  kArrayBegin,
  kArrayEnd,
  kString,
  kNumber,
  kBoolean,
  kNull,
  kColon,
  kComma,
  kEnd,
  kError
};

// As errors name them.
const char* NameOf(Token token) {
  switch (token) {
    case Token::kObjectBegin: return "T_OBJ_BEGIN";
    case Token::kObjectEnd: return "T_OBJ_END";
    case Token::kArrayBegin: return "T_ARR_BEGIN";
    case Token::kArrayEnd: return "T_ARR_END";
    case Token::kString: return "T_STRING";
    case Token::kNumber: return "T_NUMBER";
    case Token::kBoolean: return "T_BOOLEAN";
    case Token::kNull: return "T_NULL";
    case Token::kColon: return "T_COLON";
    case Token::kComma: return "T_COMMA";
    case Token::kEnd: return "T_END";
    case Token::kError: return "T_ERROR";
  }
  return "";
}

class JsonReader {
 public:
  // `text` ends with a zero byte, like all strings of Lua. `buffer` is for strings with escapes.
  JsonReader(lua_State* state, std::string_view text, ByteBuffer& buffer)
      : state_(state),
        interpreter_(Interpreter::Of(state)),
        options_(interpreter_.json()),
        begin_(text.data()),
        at_(text.data()),
        buffer_(buffer) {}

  // Pushes the value of the whole text.
  void PushAll();

 private:
  // Reads the next token; a string, number or boolean is pushed.
  Token Next();
  Token Fail(const char* reason, const char* where) {
    reason_ = reason;
    token_begin_ = where;
    return Token::kError;
  }
  Token NextWord();
  Token NextNumber();
  Token NextString();
  bool ReadEscape();
  bool ReadUnicode();
  int HexDigits(const char* digits) const;
  void AppendUtf8(unsigned code);
  bool IsUnusualNumber() const;
  void PushValue(Token token);
  void PushObject();
  void PushArray();
  void EnterNested();
  [[noreturn]] void Refuse(const char* expected, Token found);

  lua_State* state_;
  Interpreter& interpreter_;
  const JsonOptions& options_;
  const char* const begin_;
  const char* at_;
  ByteBuffer& buffer_;
  const char* token_begin_ = nullptr;
  const char* reason_ = nullptr;
  int depth_ = 0;
};

void JsonReader::Refuse(const char* expected, Token found) {
  luaL_error(state_, "Expected %s but found %s at character %d", expected,
             found == Token::kError ? reason_ : NameOf(found), static_cast<int>(token_begin_ - begin_) + 1);
  __builtin_unreachable();
}

// Those that JSON has not: hexadecimal, with leading zeros or a plus, infinite, not a number.
bool JsonReader::IsUnusualNumber() const {
  const char* at = at_;
  if (*at == '+') return true;
  if (*at == '-') ++at;
  if (*at == '0') return at[1] == 'x' || at[1] == 'X' || std::isdigit(static_cast<unsigned char>(at[1])) != 0;
  if (*at <= '9') return false;
  return strncasecmp(at, "inf", 3) == 0 || strncasecmp(at, "nan", 3) == 0;
}

Token JsonReader::NextNumber() {
  char* number_end = nullptr;
  const double number = std::strtod(at_, &number_end);
  if (number_end == at_) return Fail("invalid number", at_);
  lua_pushnumber(state_, number);
  at_ = number_end;
  return Token::kNumber;
}

Token JsonReader::NextWord() {
  const auto follows = [&](const char* word) {
    const size_t size = std::strlen(word);
    if (std::strncmp(at_, word, size) != 0) return false;
    at_ += size;
    return true;
  };
  if (follows("true") || follows("false")) {
    lua_pushboolean(state_, at_[-2] == 'u');
    return Token::kBoolean;
  }
  if (follows("null")) {
    lua_pushlightuserdata(state_, nullptr);
    return Token::kNull;
  }
  if (options_.decode_invalid && IsUnusualNumber()) return NextNumber();
  return Fail("invalid token", at_);
}

int JsonReader::HexDigits(const char* digits) const {
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const auto digit = static_cast<unsigned char>(digits[i]);  // the zero byte at the end is none
    if (std::isxdigit(digit) == 0) return -1;
    code = code * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
  }
  return code;
}

void JsonReader::AppendUtf8(unsigned code) {
  char bytes[4];
  size_t size = 0;
  if (code < 0x80) {
    bytes[size++] = static_cast<char>(code);
  } else {
    if (code < 0x800) {
      bytes[size++] = static_cast<char>(0xc0 | code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[size++] = static_cast<char>(0xe0 | code >> 12);
      } else {
        bytes[size++] = static_cast<char>(0xf0 | code >> 18);
        bytes[size++] = static_cast<char>(0x80 | (code >> 12 & 0x3f));
      }
      bytes[size++] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    }
    bytes[size++] = static_cast<char>(0x80 | (code & 0x3f));
  }
  buffer_.Append(state_, {bytes, size});
}

// At the backslash of \uXXXX, which may be the first half of a pair.
bool JsonReader::ReadUnicode() {
  const int first = HexDigits(at_ + 2);
  if (first < 0) return false;
  auto code = static_cast<unsigned>(first);
  if ((code & 0xf800) == 0xd800) {
    if ((code & 0x400) != 0 || at_[6] != '\\' || at_[7] != 'u') return false;
    const int second = HexDigits(at_ + 8);
    if (second < 0 || (second & 0xfc00) != 0xdc00) return false;
    code = ((code & 0x3ff) << 10 | (static_cast<unsigned>(second) & 0x3ff)) + 0x10000;
    at_ += 6;
  }
  at_ += 6;
  AppendUtf8(code);
  return true;
}

bool JsonReader::ReadEscape() {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
  const size_t which = at_[1] == '\0' ? std::string_view::npos : kLetters.find(at_[1]);
  if (which == std::string_view::npos) return false;
  buffer_.Append(state_, kBytes[which]);
  at_ += 2;
  return true;
}

Token JsonReader::NextString() {
  ++at_;
  buffer_.Truncate(0);
  for (;;) {
    const char* const run = at_;
    while (*at_ != '"' && *at_ != '\\' && *at_ != '\0') ++at_;
    if (*at_ == '"' && buffer_.size() == 0) {
      lua_pushlstring(state_, run, static_cast<size_t>(at_++ - run));
      return Token::kString;
    }
    buffer_.Append(state_, {run, static_cast<size_t>(at_ - run)});
    if (*at_ == '"') break;
    if (*at_ == '\0') return Fail("unexpected end of string", at_);
    if (at_[1] == 'u' ? !ReadUnicode() : !ReadEscape()) {
      return Fail(at_[1] == 'u' ? "invalid unicode escape code" : "invalid escape code", at_);
    }
  }
  ++at_;
  lua_pushlstring(state_, buffer_.text().data(), buffer_.size());
  return Token::kString;
}

Token JsonReader::Next() {
  interpreter_.PulseIfWanted(state_);
  while (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r') ++at_;
  token_begin_ = at_;
  switch (*at_) {
    case '\0': return Token::kEnd;  // as cjson does it, also in the middle
    case '{': ++at_; return Token::kObjectBegin;
    case '}': ++at_; return Token::kObjectEnd;
    case '[': ++at_; return Token::kArrayBegin;
    case ']': ++at_; return Token::kArrayEnd;
    case ':': ++at_; return Token::kColon;
    case ',': ++at_; return Token::kComma;
    case '"': return NextString();
    default: break;
  }
  if (*at_ != '-' && std::isdigit(static_cast<unsigned char>(*at_)) == 0) return NextWord();
  if (!options_.decode_invalid && IsUnusualNumber()) return Fail("invalid number", at_);
  return NextNumber();
}

void JsonReader::EnterNested() {
  ++depth_;
  if (depth_ > options_.decode_depth || lua_checkstack(state_, 4) == 0) {
    luaL_error(state_, "Found too many nested data structures (%d) at character %d", depth_,
               static_cast<int>(at_ - begin_));
  }
}

void JsonReader::PushObject() {
  EnterNested();
  lua_newtable(state_);
  Token token = Next();
  if (token == Token::kObjectEnd) {
    --depth_;
    return;
  }
  for (;;) {
    if (token != Token::kString) Refuse("object key string", token);
    if (const Token colon = Next(); colon != Token::kColon) Refuse("colon", colon);
    PushValue(Next());
    lua_rawset(state_, -3);
    token = Next();
    if (token == Token::kObjectEnd) break;
    if (token != Token::kComma) Refuse("comma or object end", token);
    token = Next();
  }
  --depth_;
}

void JsonReader::PushArray() {
  EnterNested();
  lua_newtable(state_);
  Token token = Next();
  if (token == Token::kArrayEnd) {
    --depth_;
    return;
  }
  for (int i = 1;; ++i) {
    PushValue(token);
    lua_rawseti(state_, -2, i);
    token = Next();
    if (token == Token::kArrayEnd) break;
    if (token != Token::kComma) Refuse("comma or array end", token);
    token = Next();
  }
  --depth_;
}

// `token`: the first of the value, which is pushed already if it has no others.
void JsonReader::PushValue(Token token) {
  switch (token) {
    case Token::kString:
    case Token::kNumber:
    case Token::kBoolean:
    case Token::kNull: return;
    case Token::kObjectBegin: return PushObject();
    case Token::kArrayBegin: return PushArray();
    default: Refuse("value", token);
  }
}

void JsonReader::PushAll() {
  PushValue(Next());
  if (const Token token = Next(); token != Token::kEnd) Refuse("the end", token);
}

}  // namespace

int JsonDecode(lua_State* state) {
  luaL_argcheck(state, lua_gettop(state) == 1, 1, "expected 1 argument");
  size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  if (size >= 2 && (text[0] == '\0' || text[1] == '\0')) {
    return luaL_error(state, "JSON parser does not support UTF-16 or UTF-32");
  }
  BytePool& pool = Interpreter::Of(state).bytes();
  JsonReader(state, {text, size}, pool.Take()).PushAll();
  pool.Release();
  return 1;
}

}  // namespace ringkv::server::lua
