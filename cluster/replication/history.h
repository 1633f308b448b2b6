// SPDX-License-Identifier: MIT
// Which stretch of changes an LSN counts in. A history has an id; it begins where another one ended whenever somebody
// starts to number changes by himself: at each start of a primary, and when a replica becomes one. Who has everything
// up to an LSN of one of the earlier histories, and that one did not end before, has a prefix of ours: it can go on
// from there.
//
// Threads: confined, or guarded by its owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class History {
 public:
  struct Earlier {
    std::string id;
    storage::Lsn last = 0;  // where it ended
  };

  // Begins with an id that nobody else has.
  History();

  const std::string& id() const { return id_; }
  const std::vector<Earlier>& earlier() const { return earlier_; }  // oldest first
  // Grows when replication changes hands; who has seen a higher one takes nothing from a lower one.
  uint64_t epoch() const { return epoch_; }
  void set_epoch(uint64_t epoch) { epoch_ = epoch; }
  // The most nodes, this one included, that have been seen to share it; 0: nobody has looked.
  uint64_t members() const { return members_; }
  void set_members(uint64_t members) { members_ = members; }

  // Nothing of what was before counts.
  void Begin(std::string id);
  // The history ended at `last`, and another one goes on from there.
  void Fork(std::string id, storage::Lsn last);
  // Whether the state after group `last` of history `id` is a prefix of this history, which is at `now`.
  bool Holds(std::string_view id, storage::Lsn last, storage::Lsn now) const;

  // As lines of text (docs/formats/history.md).
  std::string Print() const;
  static storage::Result<History> Parse(std::string_view text);

 private:
  static constexpr size_t kMostEarlier = 32;

  std::string id_;
  std::vector<Earlier> earlier_;
  uint64_t epoch_ = 0;
  uint64_t members_ = 0;
};

}  // namespace ringkv::cluster
