// SPDX-License-Identifier: MIT
// Two megabytes of the heap that may be one huge page: which of its pages are free, and when those go back to the
// system.
//
// A single page that goes back breaks the huge page into small ones. So free pages are kept at first: most are used
// again soon. When too many are kept, the huge page is not worth its memory: all of them go back, and so does what
// becomes free later. Once nearly all pages are in use again, the chunk is to be mended: made one huge page again, if
// the system can.
//
// Threads: confined, or guarded by the owner.
#pragma once

#include <bitset>
#include <cstddef>
#include <utility>

namespace ringkv::storage {

class HugeChunk {
 public:
  static constexpr size_t kPages = 512;
  static constexpr size_t kMostKept = kPages / 4;
  static constexpr size_t kMostMissing = kPages / 8;  // of one to be mended; less, so that it doesn't break again soon

  // The system was asked to make huge pages of so many more of these pages. It does where it was asked for all.
  void Advise(size_t pages) { advised_ += pages; }

  // These pages are used from now on, having been free. Calls `clear(first, count)` for those whose old bytes are still
  // there; the others are empty.
  template <typename Clear>
  void Take(size_t first, size_t count, Clear&& clear) {
    used_ += count;
    if (kept_.none()) return;
    ForEachKept(first, first + count, clear);
    for (size_t page = first; page < first + count; ++page) kept_.reset(page);
  }

  // These pages are free from now on. Calls `give_back(first, count)` for all that go back.
  template <typename GiveBack>
  void Free(size_t first, size_t count, GiveBack&& give_back) {
    used_ -= count;
    if (used_ == 0) {
      kept_.reset();
      is_broken_ = is_beyond_mending_ = false;
      return give_back(0, kPages);
    }
    if (advised_ != kPages || is_broken_) return give_back(first, count);
    for (size_t page = first; page < first + count; ++page) kept_.set(page);
    if (kept_.count() <= kMostKept) return;
    GiveBackKept(give_back);
  }
  // Free pages that are kept go back, so it is one huge page no longer.
  template <typename GiveBack>
  void GiveBackKept(GiveBack&& give_back) {
    if (kept_.none()) return;
    is_broken_ = true;
    ForEachKept(0, kPages, give_back);
    kept_.reset();
  }

  bool is_broken() const { return is_broken_; }
  bool is_to_be_mended() const { return is_broken_ && !is_beyond_mending_ && used_ + kMostMissing >= kPages; }
  // Without success it is not tried again before all pages have been free.
  void NoteMending(bool has_succeeded) {
    is_broken_ = !has_succeeded;
    is_beyond_mending_ = !has_succeeded;
  }

  // Whether it is one huge page, if the system had one when it was used first.
  bool is_huge() const { return advised_ == kPages && !is_broken_ && used_ > 0; }
  // Pages that are free and take memory.
  size_t kept() const { return kept_.count(); }

 private:
  // Calls `visit(first, count)` for each run of kept pages in [from, end).
  template <typename Visitor>
  void ForEachKept(size_t from, size_t end, Visitor&& visit) const {
    for (size_t page = from; page < end;) {
      const size_t first = page;
      while (page < end && kept_[page]) ++page;
      if (page > first) visit(first, page - first);
      ++page;
    }
  }

  std::bitset<kPages> kept_;
  size_t used_ = 0;
  size_t advised_ = 0;
  bool is_broken_ = false;  // into small pages
  bool is_beyond_mending_ = false;
};

}  // namespace ringkv::storage
