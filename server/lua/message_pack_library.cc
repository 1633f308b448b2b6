// SPDX-License-Identifier: MIT
// The table `cmsgpack`: MessagePack without its types bin and ext, as in Redis.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

namespace {

constexpr int kMaxPackedDepth = 16;  // what is in deeper tables becomes nil
constexpr int kMaxUnpackedDepth = 1000;

// --- Packing ---------------------------------------------------------------------------------------------------------

class Packer {
 public:
  Packer(lua_State* state, ByteBuffer& out) : state_(state), interpreter_(Interpreter::Of(state)), out_(out) {}

  // The value on top of the stack, which it removes.
  void Pack(int depth);

 private:
  void Byte(uint8_t byte) { out_.Append(state_, static_cast<char>(byte)); }
  // The lower `bytes` bytes, in network order.
  void Word(uint64_t word, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) Byte(static_cast<uint8_t>(word >> shift));
  }
  void PackNumber(lua_Number number);
  void PackInteger(int64_t integer);
  void PackText(std::string_view text);
  void PackTable(int depth);
  void PackCount(size_t count, uint8_t few, uint8_t many);
  bool IsArray(size_t& count);

  lua_State* state_;
  Interpreter& interpreter_;
  ByteBuffer& out_;
};

void Packer::PackInteger(int64_t integer) {
  const auto word = static_cast<uint64_t>(integer);
  if (integer >= 0) {
    if (integer <= 0x7f) return Byte(static_cast<uint8_t>(integer));
    if (integer <= 0xff) return Byte(0xcc), Word(word, 1);
    if (integer <= 0xffff) return Byte(0xcd), Word(word, 2);
    if (integer <= 0xffffffff) return Byte(0xce), Word(word, 4);
    return Byte(0xcf), Word(word, 8);
  }
  if (integer >= -32) return Byte(static_cast<uint8_t>(integer));
  if (integer >= INT8_MIN) return Byte(0xd0), Word(word, 1);
  if (integer >= INT16_MIN) return Byte(0xd1), Word(word, 2);
  if (integer >= INT32_MIN) return Byte(0xd2), Word(word, 4);
  Byte(0xd3);
  Word(word, 8);
}

void Packer::PackNumber(lua_Number number) {
  if (number >= -0x1p63 && number < 0x1p63 && std::trunc(number) == number) {
    return PackInteger(static_cast<int64_t>(number));
  }
  const auto single = static_cast<float>(number);
  if (static_cast<lua_Number>(single) == number) {
    Byte(0xca);
    Word(std::bit_cast<uint32_t>(single), 4);
  } else {
    Byte(0xcb);
    Word(std::bit_cast<uint64_t>(number), 8);
  }
}

void Packer::PackText(std::string_view text) {
  if (text.size() < 32) {
    Byte(static_cast<uint8_t>(0xa0 | text.size()));
  } else if (text.size() <= 0xff) {
    Byte(0xd9);
    Word(text.size(), 1);
  } else if (text.size() <= 0xffff) {
    Byte(0xda);
    Word(text.size(), 2);
  } else {
    Byte(0xdb);
    Word(text.size(), 4);
  }
  out_.Append(state_, text);
}

// `few`: the type that has up to 15 elements in its byte. `many`: the one with 16 bits; that with 32 follows it.
void Packer::PackCount(size_t count, uint8_t few, uint8_t many) {
  if (count <= 15) {
    Byte(static_cast<uint8_t>(few | count));
  } else if (count <= 0xffff) {
    Byte(many);
    Word(count, 2);
  } else {
    Byte(static_cast<uint8_t>(many + 1));
    Word(count, 4);
  }
}

// Whether the keys are 1 to the number of pairs.
bool Packer::IsArray(size_t& count) {
  lua_Number highest = 0;
  bool has_indexes_only = true;
  count = 0;
  for (lua_pushnil(state_); lua_next(state_, -2) != 0; lua_pop(state_, 1)) {
    interpreter_.PulseIfWanted(state_);
    ++count;
    const lua_Number key = lua_type(state_, -2) == LUA_TNUMBER ? lua_tonumber(state_, -2) : 0;
    if (!(key >= 1) || std::floor(key) != key) has_indexes_only = false;
    highest = std::max(highest, key);
  }
  return has_indexes_only && highest == static_cast<lua_Number>(count);
}

void Packer::PackTable(int depth) {
  luaL_checkstack(state_, 5, "in function mp_encode_lua_table");
  size_t count = 0;
  if (IsArray(count)) {
    PackCount(count, 0x90, 0xdc);
    for (size_t i = 1; i <= count; ++i) {
      lua_rawgeti(state_, -1, static_cast<int>(i));
      Pack(depth + 1);
    }
    return;
  }
  PackCount(count, 0x80, 0xde);
  lua_pushnil(state_);
  while (lua_next(state_, -2) != 0) {
    lua_pushvalue(state_, -2);
    Pack(depth + 1);
    Pack(depth + 1);
  }
}

void Packer::Pack(int depth) {
  interpreter_.PulseIfWanted(state_);
  switch (lua_type(state_, -1)) {
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(state_, -1, &size);
      PackText({text, size});
      break;
    }
    case LUA_TBOOLEAN: Byte(lua_toboolean(state_, -1) != 0 ? 0xc3 : 0xc2); break;
    case LUA_TNUMBER: PackNumber(lua_tonumber(state_, -1)); break;
    case LUA_TTABLE:
      if (depth < kMaxPackedDepth) {
        PackTable(depth);
        break;
      }
      [[fallthrough]];
    default: Byte(0xc0);
  }
  lua_pop(state_, 1);
}

int MessagePackPack(lua_State* state) {
  const int count = lua_gettop(state);
  if (count == 0) return luaL_argerror(state, 0, "MessagePack pack needs input.");
  BytePool& pool = Interpreter::Of(state).bytes();
  ByteBuffer& out = pool.Take();
  luaL_checkstack(state, 1, "in function mp_check");
  Packer packer(state, out);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(state, i);
    packer.Pack(0);
  }
  lua_pushlstring(state, out.text().data(), out.size());
  pool.Release();
  return 1;
}

// --- Unpacking -------------------------------------------------------------------------------------------------------

class Unpacker {
 public:
  Unpacker(lua_State* state, std::string_view bytes)
      : state_(state), interpreter_(Interpreter::Of(state)), rest_(bytes) {}

  size_t left() const { return rest_.size(); }
  // Pushes the next value.
  void PushNext(int depth);

 private:
  uint64_t Word(size_t bytes) {
    const std::string_view word = Take(bytes);
    uint64_t value = 0;
    for (const char byte : word) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  std::string_view Take(size_t bytes) {
    if (rest_.size() < bytes) luaL_error(state_, "Missing bytes in input.");
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  void PushInteger(int64_t integer) { lua_pushnumber(state_, static_cast<lua_Number>(integer)); }
  void PushText(uint64_t size) {
    const std::string_view text = Take(size);
    lua_pushlstring(state_, text.data(), text.size());
  }
  void PushArray(uint64_t count, int depth);
  void PushMap(uint64_t count, int depth);

  lua_State* state_;
  Interpreter& interpreter_;
  std::string_view rest_;
};

void Unpacker::PushArray(uint64_t count, int depth) {
  lua_newtable(state_);
  for (uint64_t i = 1; i <= count; ++i) {
    PushNext(depth);
    lua_rawseti(state_, -2, static_cast<int>(i));
  }
}

void Unpacker::PushMap(uint64_t count, int depth) {
  lua_newtable(state_);
  for (uint64_t i = 0; i < count; ++i) {
    PushNext(depth);
    PushNext(depth);
    lua_rawset(state_, -3);
  }
}

void Unpacker::PushNext(int depth) {
  interpreter_.PulseIfWanted(state_);
  if (depth >= kMaxUnpackedDepth) luaL_error(state_, "stack overflow (in function mp_decode_to_lua_type)");
  luaL_checkstack(state_, 4, "in function mp_decode_to_lua_type");
  const auto type = static_cast<uint8_t>(Take(1).front());
  if (type <= 0x7f || type >= 0xe0) return PushInteger(static_cast<int8_t>(type));
  if (type <= 0x8f) return PushMap(type & 0x0f, depth + 1);
  if (type <= 0x9f) return PushArray(type & 0x0f, depth + 1);
  if (type <= 0xbf) return PushText(type & 0x1f);
  switch (type) {
    case 0xc0: return lua_pushnil(state_);
    case 0xc2: return lua_pushboolean(state_, 0);
    case 0xc3: return lua_pushboolean(state_, 1);
    case 0xca: return lua_pushnumber(state_, std::bit_cast<float>(static_cast<uint32_t>(Word(4))));
    case 0xcb: return lua_pushnumber(state_, std::bit_cast<double>(Word(8)));
    case 0xcc: return PushInteger(static_cast<int64_t>(Word(1)));
    case 0xcd: return PushInteger(static_cast<int64_t>(Word(2)));
    case 0xce: return PushInteger(static_cast<int64_t>(Word(4)));
    case 0xcf: return PushInteger(static_cast<int64_t>(Word(8)));
    case 0xd0: return PushInteger(static_cast<int8_t>(Word(1)));
    case 0xd1: return PushInteger(static_cast<int16_t>(Word(2)));
    case 0xd2: return PushInteger(static_cast<int32_t>(Word(4)));
    case 0xd3: return PushInteger(static_cast<int64_t>(Word(8)));
    case 0xd9: return PushText(Word(1));
    case 0xda: return PushText(Word(2));
    case 0xdb: return PushText(Word(4));
    case 0xdc: return PushArray(Word(2), depth + 1);
    case 0xdd: return PushArray(Word(4), depth + 1);
    case 0xde: return PushMap(Word(2), depth + 1);
    case 0xdf: return PushMap(Word(4), depth + 1);
    default: luaL_error(state_, "Bad data format in input.");
  }
}

// Up to `limit` values from `offset` on; with both 0 all values, and only these are returned. Otherwise the offset
// behind the last one comes first; -1: that is the end.
int Unpack(lua_State* state, lua_Integer limit, lua_Integer offset) {
  size_t size = 0;
  const char* bytes = luaL_checklstring(state, 1, &size);
  const bool is_all = limit == 0 && offset == 0;
  const auto end = static_cast<int>(size);
  if (offset < 0 || limit < 0) {
    return luaL_error(state, "Invalid request to unpack with offset of %d and limit of %d.", static_cast<int>(offset),
                      end);
  }
  if (static_cast<size_t>(offset) > size) {
    return luaL_error(state, "Start offset %d greater than input length %d.", static_cast<int>(offset), end);
  }
  Unpacker unpacker(state, std::string_view(bytes, size).substr(static_cast<size_t>(offset)));
  int count = 0;
  for (; unpacker.left() > 0 && (limit == 0 || count < limit); ++count) {
    luaL_checkstack(state, 2, "in function mp_unpack_full");
    unpacker.PushNext(0);
  }
  if (is_all) return count;
  luaL_checkstack(state, 1, "in function mp_unpack_full");
  lua_pushinteger(state, unpacker.left() == 0 ? -1 : static_cast<lua_Integer>(size - unpacker.left()));
  lua_insert(state, -(count + 1));
  return count + 1;
}

int MessagePackUnpack(lua_State* state) { return Unpack(state, 0, 0); }
int MessagePackUnpackOne(lua_State* state) { return Unpack(state, 1, luaL_optinteger(state, 2, 0)); }
int MessagePackUnpackLimit(lua_State* state) {
  luaL_checkstring(state, 1);
  const lua_Integer limit = luaL_checkinteger(state, 2);
  return Unpack(state, limit, luaL_optinteger(state, 3, 0));
}

}  // namespace

void AddMessagePackFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"pack", MessagePackPack},
      {"unpack", MessagePackUnpack},
      {"unpack_one", MessagePackUnpackOne},
      {"unpack_limit", MessagePackUnpackLimit},
  };
  SetFunctions(state, kFunctions);
  lua_pushliteral(state, "cmsgpack");
  lua_setfield(state, -2, "_NAME");
  lua_pushliteral(state, "lua-cmsgpack 0.4.0");
  lua_setfield(state, -2, "_VERSION");
  lua_pushliteral(state, "Copyright (C) 2012, Salvatore Sanfilippo");
  lua_setfield(state, -2, "_COPYRIGHT");
  lua_pushliteral(state, "MessagePack C implementation for Lua");
  lua_setfield(state, -2, "_DESCRIPTION");
}

}  // namespace ringkv::server::lua
