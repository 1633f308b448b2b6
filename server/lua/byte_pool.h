// SPDX-License-Identifier: MIT
// Buffers for texts that C++ functions build. They come from Lua's allocator, so the limits of a state hold, and are
// reused: an error that leaves a function early leaks none.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstring>
#include <lua.hpp>
#include <memory>
#include <string_view>
#include <vector>

namespace ringkv::server::lua {

class ByteBuffer {
 public:
  std::string_view text() const { return {data_, size_}; }
  size_t size() const { return size_; }
  // Raise "not enough memory" in `state`.
  void Append(lua_State* state, std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(Prepare(state, bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void Append(lua_State* state, char byte) {
    *Prepare(state, 1) = byte;
    ++size_;
  }
  // Space for `count` bytes behind the text; Commit makes them part of it.
  char* Prepare(lua_State* state, size_t count) {
    if (capacity_ - size_ < count) Grow(state, count);
    return data_ + size_;
  }
  void Commit(size_t count) { size_ += count; }
  void Truncate(size_t size) { size_ = size; }
  size_t capacity() const { return capacity_; }
  // Gives its memory back to the allocator of `state`.
  void Free(lua_State* state);

 private:
  void Grow(lua_State* state, size_t count);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

class BytePool {
 public:
  // An empty buffer, valid until it is released: those taken later first. At most kMaxNesting of them and a few are
  // in use.
  ByteBuffer& Take();
  void Release() { --in_use_; }
  size_t in_use() const { return in_use_; }
  void ReleaseTo(size_t in_use) { in_use_ = in_use; }
  // Frees large ones.
  void Shrink(lua_State* state);
  void FreeAll(lua_State* state);

 private:
  std::vector<std::unique_ptr<ByteBuffer>> buffers_;  // their addresses are stable
  size_t in_use_ = 0;
};

}  // namespace ringkv::server::lua
