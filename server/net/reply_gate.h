// SPDX-License-Identifier: MIT
// Decides how much of a connection's output may be sent.
//
// A reply that shows an effect must not be sent before the effect is as durable as the configuration promises. The gate
// marks each such reply: it and all later output wait until the mark's LSN is safe. A reply that waits for a majority
// of the shard belongs to a term, in which this server is the primary. After the end of the term a new primary assigns
// the LSNs, so the replies of that term cannot be confirmed any more.
//
// Invariant: marks ascend in bytes and do not overlap; those of one term do not descend in LSN.
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
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
    kPush,      // no reply: a push that tells of an effect, and does no harm if that is lost
  };

  // Marks the bytes from `begin` to `end` of the waiting output as one reply that depends on `lsn`. `term`: 0 if it
  // waits for no majority. Without bytes there is no reply, and nothing to hold or to replace.
  void Hold(size_t begin, size_t end, storage::Lsn lsn, uint32_t term, int64_t now_ms, Form form = Form::kWhole) {
    if (begin == end) return;
    if (empty()) oldest_term_ = 0;
    if (!empty() && marks_.back().term == term) lsn = std::max(lsn, marks_.back().lsn);
    if (oldest_term_ == 0) oldest_term_ = term;
    marks_.push_back({sent_ + begin, sent_ + end, lsn, now_ms, term, form});
  }
  bool empty() const { return first_ == marks_.size(); }
  // Whether held replies may wait for a majority of another term. Call Replace before any other method then.
  bool HoldsOfOtherTerm(uint32_t term) const { return !empty() && oldest_term_ != 0 && oldest_term_ != term; }
  // The time since which the oldest reply is held; 0 if none is held.
  int64_t held_since_ms() const { return empty() ? 0 : marks_[first_].since_ms; }
  // How many of the `size` waiting bytes may be sent when all groups up to `safe` are safe.
  size_t Sendable(size_t size, storage::Lsn safe) {
    while (!empty() && marks_[first_].lsn <= safe) ++first_;
    Compact();
    return empty() ? size : static_cast<size_t>(marks_[first_].begin - sent_);
  }
  void Sent(size_t size) { sent_ += size; }
  // All bytes sent so far.
  uint64_t sent() const { return sent_; }

  // Replaces each held reply of a term for which `is_lost(term)` is true: `write(form, is_last)` appends the
  // replacement to the output; `is_last`: no bytes follow it. All other output is unchanged, and held as before.
  // Returns false without a change if one of them cannot be replaced.
  template <typename IsLost, typename Write>
  bool Replace(resp::Buffer& output, IsLost&& is_lost, Write&& write) {
    if (empty()) return true;
    const auto is_fixed = [&](const Mark& mark) { return mark.form == Form::kPart && is_lost(mark.term); };
    if (std::any_of(marks_.begin() + static_cast<std::ptrdiff_t>(first_), marks_.end(), is_fixed)) return false;
    const auto start = static_cast<size_t>(marks_[first_].begin - sent_);
    const std::string held(output.Readable().substr(start));
    output.TruncateTo(start);
    std::vector<Mark> kept;
    size_t done = 0;  // of the held bytes
    for (; !empty(); ++first_) {
      Mark mark = marks_[first_];
      const size_t begin = static_cast<size_t>(mark.begin - sent_) - start;
      const size_t end = static_cast<size_t>(mark.end - sent_) - start;
      output.Append(std::string_view(held).substr(done, begin - done));
      mark.begin = sent_ + output.size();
      if (is_lost(mark.term) && mark.form == Form::kPush) {
        output.Append(std::string_view(held).substr(begin, end - begin));
      } else if (is_lost(mark.term)) {
        write(mark.form, end == held.size());
      } else {
        output.Append(std::string_view(held).substr(begin, end - begin));
        mark.end = sent_ + output.size();
        kept.push_back(mark);
      }
      done = end;
    }
    output.Append(std::string_view(held).substr(done));
    marks_ = std::move(kept);
    first_ = 0;
    oldest_term_ = 0;
    for (const Mark& mark : marks_) oldest_term_ = oldest_term_ == 0 ? mark.term : oldest_term_;
    return true;
  }

  size_t MemoryBytes() const { return marks_.capacity() * sizeof(Mark); }

 private:
  struct Mark {
    uint64_t begin;  // counted from the connection's first byte
    uint64_t end;
    storage::Lsn lsn;
    int64_t since_ms;
    uint32_t term;
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
  uint32_t oldest_term_ = 0;  // of the held replies, or an older one; 0 if no reply has one
};

}  // namespace ringkv::server
