// SPDX-License-Identifier: MIT
// A growable byte buffer with a read mark and a write mark, for the input or the output of a connection.
//
// Consuming everything rewinds both marks, so a connection that keeps up reuses the same few bytes and never moves
// them. Growth doubles, so n bytes that arrive one by one cost O(n).
//
// A buffer may have a limit. It refuses bytes that would make it grow beyond the limit, and all bytes behind them, and
// reports the overflow, so that its owner gives it up. Capacity that exists already is used without checking the limit.
// It may share a limit with others: then it asks a budget before it grows.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ringkv::resp {

class BufferBudget {
 public:
  // Before a buffer grows by so many bytes. False: it must not, and nothing is taken.
  virtual bool Take(size_t bytes) = 0;

 protected:
  ~BufferBudget() = default;
};

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

  // Maximum capacity in bytes; SIZE_MAX, the default, for no limit.
  void set_limit(size_t bytes) { limit_ = bytes; }
  size_t limit() const { return limit_; }
  // Null: none. Must outlive the buffer; it stays when the content moves to another one.
  void set_budget(BufferBudget* budget) { budget_ = budget; }
  // Whether bytes were refused since the last ForgetOverflow: the content ends before them.
  bool has_overflowed() const { return has_overflowed_; }
  void ForgetOverflow() { has_overflowed_ = false; }

  // Forgets the first `count` readable bytes.
  void Consume(size_t count) {
    read_ += count;
    if (read_ == write_) read_ = write_ = 0;
  }

  // Space for at least `count` bytes at the write mark; pass the number of bytes written to `Commit`. Null above the
  // limit and after an overflow, never without a limit.
  char* Prepare(size_t count) {
    if ((capacity_ - write_ < count || has_overflowed_) && !MakeRoom(count)) return nullptr;
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

  // Moves the readable bytes from `from` on before those from `to` on; `to` <= `from`. For headers that are known only
  // after their body was written.
  void PutBefore(size_t to, size_t from);

  // Reduces the capacity if the content fits into `target` bytes; frees the memory if target is 0 and the buffer is
  // empty.
  void ShrinkTo(size_t target);

 private:
  bool MakeRoom(size_t count);
  // The capacity to grow to for so many bytes; 0: none is allowed.
  size_t BiggerCapacity(size_t needed);

  char* data_ = nullptr;
  size_t capacity_ = 0;
  size_t read_ = 0;
  size_t write_ = 0;
  size_t limit_ = SIZE_MAX;
  BufferBudget* budget_ = nullptr;
  bool has_overflowed_ = false;
};

}  // namespace ringkv::resp
