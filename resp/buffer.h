// SPDX-License-Identifier: MIT
// Growable bytes with a read mark and a write mark: what a connection has received, or has still to send.
//
// Consuming everything rewinds both marks, so a connection that keeps up reuses the same few bytes and never moves
// them. Growth doubles, so n bytes that arrive one by one cost O(n).
//
// Threads: confined.
#pragma once

#include <cstddef>
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

  // Forgets the first `count` readable bytes.
  void Consume(size_t count) {
    read_ += count;
    if (read_ == write_) read_ = write_ = 0;
  }

  // Room for at least `count` bytes at the write mark; `Commit` says how many of them were filled.
  char* Prepare(size_t count) {
    if (capacity_ - write_ < count) MakeRoom(count);
    return data_ + write_;
  }
  void Commit(size_t count) { write_ += count; }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(Prepare(bytes.size()), bytes.data(), bytes.size());
    write_ += bytes.size();
  }
  void Append(char byte) {
    *Prepare(1) = byte;
    ++write_;
  }

  // Takes back everything written after the first `size` readable bytes.
  void TruncateTo(size_t size) { write_ = read_ + size; }

  // Gives memory back when the content would fit into `target` bytes; frees all of it when target is 0 and nothing
  // is left to read.
  void ShrinkTo(size_t target);

 private:
  void MakeRoom(size_t count);

  char* data_ = nullptr;
  size_t capacity_ = 0;
  size_t read_ = 0;
  size_t write_ = 0;
};

}  // namespace ringkv::resp
