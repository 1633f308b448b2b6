// SPDX-License-Identifier: MIT
#include "server/lua/byte_pool.h"

#include <algorithm>

namespace ringkv::server::lua {

namespace {

constexpr size_t kKeptBytes = 16 * 1024;

}  // namespace

void ByteBuffer::Grow(lua_State* state, size_t count) {
  void* allocator_data = nullptr;
  const lua_Alloc allocate = lua_getallocf(state, &allocator_data);
  const size_t wanted = std::max({size_ + count, capacity_ * 2, size_t{256}});
  void* grown = allocate(allocator_data, data_, capacity_, wanted);
  if (grown == nullptr) {
    lua_pushliteral(state, "not enough memory");
    lua_error(state);
  }
  data_ = static_cast<char*>(grown);
  capacity_ = wanted;
}

void ByteBuffer::Free(lua_State* state) {
  if (data_ == nullptr) return;
  void* allocator_data = nullptr;
  const lua_Alloc allocate = lua_getallocf(state, &allocator_data);
  allocate(allocator_data, data_, capacity_, 0);
  *this = {};
}

ByteBuffer& BytePool::Take() {
  if (in_use_ == buffers_.size()) buffers_.push_back(std::make_unique<ByteBuffer>());
  ByteBuffer& buffer = *buffers_[in_use_++];
  buffer.Truncate(0);
  return buffer;
}

void BytePool::Shrink(lua_State* state) {
  for (auto& buffer : buffers_) {
    if (buffer->capacity() > kKeptBytes) buffer->Free(state);
  }
}

void BytePool::FreeAll(lua_State* state) {
  for (auto& buffer : buffers_) {
    buffer->Free(state);
  }
  buffers_.clear();
}

}  // namespace ringkv::server::lua
