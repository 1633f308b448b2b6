// SPDX-License-Identifier: MIT
// A history is a numbering of changes, with an id; LSNs count within one. A new history begins where the previous one
// ended whenever a server starts to assign LSNs: at each start of a primary, and when a replica is promoted. A replica
// at an LSN of an earlier history, not after its end, has a prefix of this history and can resume from there.
//
// Threads: confined, or guarded by its owner.
#pragma once

#include <optional>
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

  static constexpr size_t kMostEarlier = 32;

  // Begins with a unique id, see Chance.
  explicit History(std::string id);

  const std::string& id() const { return id_; }
  const std::vector<Earlier>& earlier() const { return earlier_; }  // oldest first
  // Grows with each change of the primary. A server that has seen a higher epoch ignores messages of a lower one.
  uint64_t epoch() const { return epoch_; }
  void set_epoch(uint64_t epoch) { epoch_ = epoch; }
  // The highest number of nodes, including this one, that were seen to share it; 0: never counted.
  uint64_t members() const { return members_; }
  void set_members(uint64_t members) { members_ = members; }

  // Begins a new history without any earlier ones.
  void Begin(std::string id);
  // Ends the history at `last` and continues it with a new one.
  void Fork(std::string id, storage::Lsn last);
  // Whether the state after group `last` of history `id` is a prefix of this history, which is at `now`.
  bool Holds(std::string_view id, storage::Lsn last, storage::Lsn now) const;
  // Where the earlier history ended, and this one went on; nothing if it is none.
  std::optional<storage::Lsn> EndOf(std::string_view id) const;
  // The earlier histories, newest first, that are equal to this one, which is at `now`: nothing was added since they
  // ended.
  std::vector<std::string> EqualAt(storage::Lsn now) const;

  // The text of the file (docs/formats/history.md).
  std::string Print() const;
  static storage::Result<History> Parse(std::string_view text);

 private:
  std::string id_;
  std::vector<Earlier> earlier_;
  uint64_t epoch_ = 0;
  uint64_t members_ = 0;
};

}  // namespace ringkv::cluster
