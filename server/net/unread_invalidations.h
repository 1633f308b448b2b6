// SPDX-License-Identifier: MIT
// Invalidations that a client has not read yet. It may be slow, and they come whether it asks or not: beyond a bound,
// one that says that everything has changed will stand for all that follow, as soon as the client has read what there
// is.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/lsn.h"

namespace ringkv::server {

class UnreadInvalidations {
 public:
  // Whether another one may be sent; else it is owed. `most`: the bound, in bytes.
  bool Take(size_t bytes, storage::Lsn lsn, size_t most) {
    if (!owes_all_ && bytes_ + bytes <= most) {
      bytes_ += bytes;
      return true;
    }
    owes_all_ = true;
    owed_lsn_ = std::max(owed_lsn_, lsn);
    return false;
  }
  // Keeps one until a reply is complete.
  void Hold(std::string_view first, std::string_view rest, storage::Lsn lsn) {
    held_.append(first).append(rest);
    held_lsn_ = std::max(held_lsn_, lsn);
  }
  bool has_held() const { return !held_.empty(); }
  // Those that were kept, with the last of their changes.
  std::pair<std::string, storage::Lsn> TakeHeld() { return {std::exchange(held_, {}), std::exchange(held_lsn_, 0)}; }

  bool has_any() const { return bytes_ > 0 || owes_all_; }
  // All that was sent is read. Whether it is owed that everything has changed, and the last of the changes.
  std::pair<bool, storage::Lsn> TakeOwed() {
    bytes_ = held_.size();
    return {std::exchange(owes_all_, false), std::exchange(owed_lsn_, 0)};
  }

 private:
  size_t bytes_ = 0;  // that were sent since the output was empty, or are held
  bool owes_all_ = false;
  storage::Lsn owed_lsn_ = 0;
  std::string held_;
  storage::Lsn held_lsn_ = 0;
};

}  // namespace ringkv::server
