// SPDX-License-Identifier: MIT
// The table `struct`: binary records, described by a format as in Roberto Ierusalimschy's library.
//
//   < >       order of bytes from here on: little endian, as at the beginning; big endian
//   ![n]      alignment up to n, 8 without a number; 1 at the beginning
//   x         a zero byte
//   b B h H   integers of 1 and 2 bytes; in upper case without sign
//   l L T     integers of 8 bytes
//   i[n] I[n] integers of n bytes, 4 without a number
//   f d       numbers of 4 and 8 bytes
//   s         a text that ends with a zero byte
//   c[n]      n bytes, 1 without a number; 0: a whole text, or as many as the number before says
#include <bit>
#include <cctype>
#include <climits>
#include <cstdint>
#include <cstring>

#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

namespace {

constexpr size_t kMaxIntegerBytes = 32;
constexpr size_t kDefaultAlignment = 8;

// Reads a format, option by option.
class StructFormat {
 public:
  explicit StructFormat(lua_State* state) : state_(state), at_(luaL_checkstring(state, 1)) {}

  // The next option that stands for bytes, with its size; false at the end.
  bool Next();

  char option() const { return option_; }
  bool is_integer() const { return option_ != '\0' && std::strchr("bBhHlLTiI", option_) != nullptr; }
  size_t size() const { return size_; }
  bool is_big_endian() const { return is_big_endian_; }
  // Bytes between the position and where the option's begin.
  size_t PaddingAt(size_t position) const {
    if (size_ == 0 || option_ == 'c') return 0;
    const size_t aligned = std::min(size_, alignment_);
    return aligned > 1 ? (aligned - (position & (aligned - 1))) & (aligned - 1) : 0;
  }

 private:
  size_t Number(size_t missing);
  size_t SizeOfOption();
  void SetAlignment();

  lua_State* state_;
  const char* at_;
  char option_ = '\0';
  size_t size_ = 0;
  size_t alignment_ = 1;
  bool is_big_endian_ = false;
};

size_t StructFormat::Number(size_t missing) {
  if (std::isdigit(static_cast<unsigned char>(*at_)) == 0) return missing;
  size_t number = 0;
  while (std::isdigit(static_cast<unsigned char>(*at_)) != 0) {
    number = number * 10 + static_cast<size_t>(*at_++ - '0');
    if (number > INT_MAX) luaL_error(state_, "integral size overflow");
  }
  return number;
}

size_t StructFormat::SizeOfOption() {
  switch (option_) {
    case 'x':
    case 'b':
    case 'B': return 1;
    case 'h':
    case 'H': return 2;
    case 'f': return 4;
    case 'l':
    case 'L':
    case 'T':
    case 'd': return 8;
    case 'c': return Number(1);
    case 'i':
    case 'I': {
      const size_t size = Number(4);
      if (size > kMaxIntegerBytes) {
        luaL_error(state_, "integral size %d is larger than limit of %d", static_cast<int>(size),
                   static_cast<int>(kMaxIntegerBytes));
      }
      return size;
    }
    default: return 0;
  }
}

void StructFormat::SetAlignment() {
  alignment_ = Number(kDefaultAlignment);
  if (!std::has_single_bit(alignment_)) {
    luaL_error(state_, "alignment %d is not a power of 2", static_cast<int>(alignment_));
  }
}

bool StructFormat::Next() {
  while (*at_ != '\0') {
    Interpreter::Of(state_).PulseIfWanted(state_);
    option_ = *at_++;
    size_ = SizeOfOption();
    switch (option_) {
      case ' ': break;
      case '<':
      case '>': is_big_endian_ = option_ == '>'; break;
      case '!': SetAlignment(); break;
      default: return true;
    }
  }
  return false;
}

[[noreturn]] void RefuseOption(lua_State* state, char option) {
  luaL_argerror(state, 1, lua_pushfstring(state, "invalid format option '%c'", option));
  __builtin_unreachable();
}

// --- Packing ---------------------------------------------------------------------------------------------------------

class StructPacker {
 public:
  StructPacker(lua_State* state, ByteBuffer& out) : state_(state), out_(out), format_(state) {}
  void PackAll();

 private:
  void Pack(int& argument);
  void PackWord(uint64_t word, size_t size);
  void PackText(int argument);
  uint64_t Word(int argument);

  lua_State* state_;
  ByteBuffer& out_;
  StructFormat format_;
};

// Integers of more than 8 bytes have zeros above.
void StructPacker::PackWord(uint64_t word, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const size_t byte = format_.is_big_endian() ? size - 1 - i : i;
    out_.Append(state_, byte < sizeof word ? static_cast<char>(word >> (8 * byte)) : '\0');
  }
}

uint64_t StructPacker::Word(int argument) {
  const lua_Number number = luaL_checknumber(state_, argument);
  if (number >= 0x1p63 && number < 0x1p64) return static_cast<uint64_t>(number);
  if (number >= 0x1p64) return 0;
  if (!(number >= -0x1p63 && number < 0x1p63)) return uint64_t{1} << 63;
  return static_cast<uint64_t>(static_cast<int64_t>(number));
}

void StructPacker::PackText(int argument) {
  size_t size = 0;
  const char* text = luaL_checklstring(state_, argument, &size);
  const bool is_whole = format_.option() == 's' || format_.size() == 0;
  luaL_argcheck(state_, is_whole || size >= format_.size(), argument + 1, "string too short");
  out_.Append(state_, {text, is_whole ? size : format_.size()});
  if (format_.option() == 's') out_.Append(state_, '\0');
}

void StructPacker::Pack(int& argument) {
  for (size_t padding = format_.PaddingAt(out_.size()); padding > 0; --padding) out_.Append(state_, '\0');
  switch (format_.option()) {
    case 'x': out_.Append(state_, '\0'); return;
    case 's':
    case 'c': PackText(argument++); return;
    case 'f': PackWord(std::bit_cast<uint32_t>(static_cast<float>(luaL_checknumber(state_, argument++))), 4); return;
    case 'd': PackWord(std::bit_cast<uint64_t>(luaL_checknumber(state_, argument++)), 8); return;
    default: break;
  }
  if (!format_.is_integer()) RefuseOption(state_, format_.option());
  PackWord(Word(argument++), format_.size());
}

void StructPacker::PackAll() {
  for (int argument = 2; format_.Next();) Pack(argument);
}

int StructPack(lua_State* state) {
  luaL_checkstring(state, 1);
  BytePool& pool = Interpreter::Of(state).bytes();
  ByteBuffer& out = pool.Take();
  lua_pushnil(state);  // stands for a missing argument
  StructPacker(state, out).PackAll();
  lua_pushlstring(state, out.text().data(), out.size());
  pool.Release();
  return 1;
}

// --- Unpacking -------------------------------------------------------------------------------------------------------

class StructUnpacker {
 public:
  StructUnpacker(lua_State* state, std::string_view bytes, size_t position)
      : state_(state), bytes_(bytes), position_(position), format_(state) {}

  // Pushes all values and the position behind them; returns their number.
  int PushAll();

 private:
  void Push();
  uint64_t Word(size_t size) const;
  void PushInteger();
  void PushBytes();
  void PushTerminated();
  void CheckLeft(size_t size) const {
    luaL_argcheck(state_, size <= bytes_.size() && position_ <= bytes_.size() - size, 2, "data string too short");
  }

  lua_State* state_;
  std::string_view bytes_;
  size_t position_;
  StructFormat format_;
  int pushed_ = 0;
};

uint64_t StructUnpacker::Word(size_t size) const {
  uint64_t word = 0;
  for (size_t i = 0; i < size && i < sizeof word; ++i) {
    const size_t at = format_.is_big_endian() ? size - 1 - i : i;
    word |= uint64_t{static_cast<uint8_t>(bytes_[position_ + at])} << (8 * i);
  }
  return word;
}

void StructUnpacker::PushInteger() {
  const size_t size = format_.size();
  const uint64_t word = Word(size);
  if (std::islower(static_cast<unsigned char>(format_.option())) == 0) {
    lua_pushnumber(state_, static_cast<lua_Number>(word));
    return;
  }
  // The sign of more than 8 bytes is looked for where Redis does it.
  const uint64_t above = ~uint64_t{0} << ((8 * size - 1) & 63);
  const uint64_t extended = (word & above) == 0 ? word : word | above;
  lua_pushnumber(state_, static_cast<lua_Number>(static_cast<int64_t>(extended)));
}

// c0: the number before is the size, and no value of its own.
void StructUnpacker::PushBytes() {
  size_t size = format_.size();
  if (size == 0) {
    if (pushed_ == 0 || lua_isnumber(state_, -1) == 0) luaL_error(state_, "format 'c0' needs a previous size");
    const lua_Number number = lua_tonumber(state_, -1);
    lua_pop(state_, 1);
    --pushed_;
    luaL_argcheck(state_, number >= 0 && number <= static_cast<lua_Number>(bytes_.size()), 2, "data string too short");
    size = static_cast<size_t>(number);
    CheckLeft(size);
  }
  lua_pushlstring(state_, bytes_.data() + position_, size);
  position_ += size;
}

void StructUnpacker::PushTerminated() {
  const size_t end = position_ < bytes_.size() ? bytes_.find('\0', position_) : std::string_view::npos;
  if (end == std::string_view::npos) luaL_error(state_, "unfinished string in data");
  lua_pushlstring(state_, bytes_.data() + position_, end - position_);
  position_ = end + 1;
}

void StructUnpacker::Push() {
  position_ += format_.PaddingAt(position_);
  CheckLeft(format_.size());
  luaL_checkstack(state_, 2, "too many results");
  ++pushed_;
  switch (format_.option()) {
    case 'x': --pushed_; break;
    case 's': return PushTerminated();
    case 'c': return PushBytes();
    case 'f': lua_pushnumber(state_, std::bit_cast<float>(static_cast<uint32_t>(Word(4)))); break;
    case 'd': lua_pushnumber(state_, std::bit_cast<double>(Word(8))); break;
    default:
      if (!format_.is_integer()) RefuseOption(state_, format_.option());
      PushInteger();
  }
  position_ += format_.size();
}

int StructUnpacker::PushAll() {
  while (format_.Next()) Push();
  lua_pushinteger(state_, static_cast<lua_Integer>(position_) + 1);
  return pushed_ + 1;
}

int StructUnpack(lua_State* state) {
  luaL_checkstring(state, 1);
  size_t size = 0;
  const char* bytes = luaL_checklstring(state, 2, &size);
  const lua_Integer position = luaL_optinteger(state, 3, 1);
  luaL_argcheck(state, position != 0, 3, "offset must be 1 or greater");
  // Before the beginning is as far off as behind the end.
  luaL_argcheck(state, position > 0 && static_cast<size_t>(position) <= size + 1, 2, "data string too short");
  return StructUnpacker(state, {bytes, size}, static_cast<size_t>(position) - 1).PushAll();
}

int StructSize(lua_State* state) {
  StructFormat format(state);
  size_t size = 0;
  while (format.Next()) {
    if (format.option() == 's') luaL_argerror(state, 1, "option 's' has no fixed size");
    if (format.option() == 'c' && format.size() == 0) luaL_argerror(state, 1, "option 'c0' has no fixed size");
    size += format.PaddingAt(size) + format.size();
  }
  lua_pushnumber(state, static_cast<lua_Number>(size));
  return 1;
}

}  // namespace

void AddStructFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {{"pack", StructPack}, {"unpack", StructUnpack}, {"size", StructSize}};
  SetFunctions(state, kFunctions);
}

}  // namespace ringkv::server::lua
