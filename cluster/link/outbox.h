// SPDX-License-Identifier: MIT
// The bytes that a link wants sent, as a queue of pieces: small ones are written together, large ones are shared with
// whoever else sends them.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace ringkv::cluster {

class Outbox {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Append(std::string_view bytes);
  void Share(std::shared_ptr<const std::string> bytes);

  // The bytes to send next, of one piece. Valid until the next call that changes the queue.
  std::string_view front() const;
  // Forgets the first `count` bytes of front().
  void Consume(size_t count);

 private:
  static constexpr size_t kMostSpareBytes = 1 << 20;

  struct Piece {
    std::string own;
    std::shared_ptr<const std::string> shared;  // null: `own`
    std::string_view bytes() const { return shared == nullptr ? own : *shared; }
  };
  void Recycle(std::string text);

  std::deque<Piece> pieces_;
  size_t sent_ = 0;  // of the first piece
  size_t size_ = 0;
  std::string spare_;  // its memory is for the next piece
};

}  // namespace ringkv::cluster
