// SPDX-License-Identifier: MIT
// Growable bytes with a read mark and a write mark: what a connection has received, or has still to send.
//
// Consuming everything rewinds both marks, so a connection that keeps up reuses the same few bytes and never moves
// them. Growth doubles, so n bytes that arrive one by one cost O(n).
//
// A buffer may have a limit: what would make it grow beyond is refused, and the buffer says so from then on, so that
// its owner gives it up. Room that is there already is used without a look at the limit.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ringkv::resp {

class Buffer {
 public:
  Buffer() = default;
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // The bytes written and not yet consumed. Valid until the next call that changes the buffer.
  std::string_view Readable() const { return {data_ + read_, write_ - read_}; }
  size_t size() const { return write_ - read_; }
  bool empty() const { return read_ == write_; }
  size_t capacity() const { return capacity_; }
  size_t writable() const { return capacity_ - write_; }

  // Most bytes that it may grow to; SIZE_MAX, the default, for no limit.
  void set_limit(size_t bytes) { limit_ = bytes; }
  // Something was refused since the last ForgetOverflow: the content has a hole.
  bool has_overflowed() const { return has_overflowed_; }
  void ForgetOverflow() { has_overflowed_ = false; }

  // Forgets the first `count` readable bytes.
  void Consume(size_t count) {
    read_ += count;
    if (read_ == write_) read_ = write_ = 0;
  }

  // Room for at least `count` bytes at the write mark; `Commit` says how many of them were filled. Null beyond the
  // limit, never without one.
  char* Prepare(size_t count) {
    if (capacity_ - write_ < count && !MakeRoom(count)) return nullptr;
    return data_ + write_;
  }
  void Commit(size_t count) { write_ += count; }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    char* room = Prepare(bytes.size());
    if (room == nullptr) return;
    std::memcpy(room, bytes.data(), bytes.size());
    write_ += bytes.size();
  }
  void Append(char byte) {
    char* room = Prepare(1);
    if (room == nullptr) return;
    *room = byte;
    ++write_;
  }

  // Takes back everything written after the first `size` readable bytes.
  void TruncateTo(size_t size) { write_ = read_ + size; }

  // Puts the readable bytes from `from` on before those from `to` on; `to` <= `from`. For what is known only when what
  // comes behind it has been written.
  void PutBefore(size_t to, size_t from);

  // Gives memory back when the content would fit into `target` bytes; frees all of it when target is 0 and nothing
  // is left to read.
  void ShrinkTo(size_t target);

 private:
  bool MakeRoom(size_t count);

  char* data_ = nullptr;
  size_t capacity_ = 0;
  size_t read_ = 0;
  size_t write_ = 0;
  size_t limit_ = SIZE_MAX;
  bool has_overflowed_ = false;
};

}  // namespace ringkv::resp
