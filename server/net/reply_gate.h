// SPDX-License-Identifier: MIT
// Decides how much of a connection's output may be sent.
//
// A reply that shows an effect must not be sent before the effect is as durable as the configuration promises. The gate
// marks each such reply: it and all later output wait until the mark's LSN is safe.
//
// Invariant: marks ascend in bytes, do not overlap, and do not descend in LSN.
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/buffer.h"
#include "storage/base/lsn.h"

namespace ringkv::server {

class ReplyGate {
 public:
  enum class Form : uint8_t {
    kWhole,     // one reply
    kPart,      // a part of a streamed reply, which cannot be replaced
    kBodiless,  // a response to HEAD
  };

  // Marks the bytes from `begin` to `end` of the waiting output as one reply that depends on `lsn`.
  void Hold(size_t begin, size_t end, storage::Lsn lsn, int64_t now_ms, Form form = Form::kWhole) {
    if (!empty()) lsn = std::max(lsn, marks_.back().lsn);
    marks_.push_back({sent_ + begin, sent_ + end, lsn, now_ms, form});
  }
  bool empty() const { return first_ == marks_.size(); }
  // The time since which the oldest reply is held; 0 if none is held.
  int64_t held_since_ms() const { return empty() ? 0 : marks_[first_].since_ms; }
  // How many of the `size` waiting bytes may be sent when all groups up to `safe` are safe.
  size_t Sendable(size_t size, storage::Lsn safe) {
    while (!empty() && marks_[first_].lsn <= safe) ++first_;
    Compact();
    return empty() ? size : static_cast<size_t>(marks_[first_].begin - sent_);
  }
  void Sent(size_t size) { sent_ += size; }

  // Replaces each held reply and then holds none: `write(form, is_last)` appends the replacement to the output;
  // `is_last`: no bytes follow it. Other output between held replies is unchanged. Returns false without a change if
  // one of them cannot be replaced.
  template <typename Write>
  bool Replace(resp::Buffer& output, Write&& write) {
    if (empty()) return true;
    const auto is_part = [](const Mark& mark) { return mark.form == Form::kPart; };
    if (std::any_of(marks_.begin() + static_cast<std::ptrdiff_t>(first_), marks_.end(), is_part)) return false;
    const uint64_t start = marks_[first_].begin;
    const std::string held(output.Readable().substr(static_cast<size_t>(start - sent_)));
    output.TruncateTo(static_cast<size_t>(start - sent_));
    size_t done = 0;
    for (; !empty(); ++first_) {
      const Mark& mark = marks_[first_];
      output.Append(std::string_view(held).substr(done, static_cast<size_t>(mark.begin - start) - done));
      done = static_cast<size_t>(mark.end - start);
      write(mark.form, done == held.size());
    }
    output.Append(std::string_view(held).substr(done));
    Compact();
    return true;
  }

  size_t MemoryBytes() const { return marks_.capacity() * sizeof(Mark); }

 private:
  struct Mark {
    uint64_t begin;  // counted from the connection's first byte
    uint64_t end;
    storage::Lsn lsn;
    int64_t since_ms;
    Form form;
  };

  // Drops obsolete marks, in amortised constant time per mark.
  void Compact() {
    constexpr size_t kKept = 1024;
    if (first_ < marks_.size() && first_ * 2 < marks_.size()) return;
    marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
    if (marks_.empty() && marks_.capacity() > kKept) marks_.shrink_to_fit();
  }

  std::vector<Mark> marks_;
  size_t first_ = 0;  // index of the first mark that is not obsolete
  uint64_t sent_ = 0;
};

}  // namespace ringkv::server
