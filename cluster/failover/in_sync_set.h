// SPDX-License-Identifier: MIT
// The in-sync set of a shard, at its primary: the members without whose acknowledgement no write is acknowledged. So
// each of them has every acknowledged write, and only they can be elected.
//
// Invariant: what the primary requires contains every set that etcd may have now. A member that enters is required
// before it is proposed; one that leaves is required until etcd has confirmed that it has left.
//
// Times are milliseconds of a steady clock.
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/replication/acks.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

class InSyncSet {
 public:
  struct Limits {
    int64_t patience_ms = 1500;  // a member that is behind for longer leaves
    size_t fewest = 1;           // the set is not made smaller than that, the primary included
  };

  InSyncSet(std::string self, Limits limits) : self_(std::move(self)), limits_(limits) {}
  void set_patience_ms(int64_t patience_ms) { limits_.patience_ms = patience_ms; }

  // A term begins with the set that etcd has.
  void Begin(const std::vector<std::string>& confirmed, int64_t now);
  // etcd has this set now, in a later revision than before.
  void Confirm(const std::vector<std::string>& confirmed);
  // What the members have acknowledged, and the last group here by now: the owner has applied Required() since the
  // call before.
  void Update(std::span<const MemberAck> acks, storage::Lsn own, const std::vector<std::string>& members, int64_t now);

  // The set that etcd should have, if it is another one than it has. It is required from now on, too.
  std::optional<std::vector<std::string>> Propose();

  // Whose acknowledgements are needed, the primary's aside.
  std::vector<std::string> Required() const;
  // Of the set in etcd, how many keep pace, the primary included.
  size_t CountInPace() const;
  // A member that keeps no pace is to leave, and etcd has not said yet that it has.
  bool IsShrinking() const { return confirmed_.size() > limits_.fewest && CountInPace() < confirmed_.size(); }
  const std::vector<std::string>& confirmed() const { return confirmed_; }

 private:
  // A member keeps pace while it acknowledges within the time limit what was appended at a moment.
  struct Pace {
    int64_t marked_at = 0;
    storage::Lsn mark = 0;
    bool has_mark = false;
    bool is_quick = false;  // it has reached a mark in time
    bool is_slow = false;
    bool is_entering = false;                    // it is required, though not yet in the set
    std::optional<storage::Lsn> enters_at = {};  // and can be proposed when it has this group
    void Note(std::optional<storage::Lsn> acknowledged, storage::Lsn own, int64_t now, int64_t patience_ms);
  };
  static bool Enters(Pace& pace, std::optional<storage::Lsn> acknowledged, storage::Lsn own);
  bool IsConfirmed(const std::string& id) const;

  const std::string self_;
  Limits limits_;
  std::vector<std::string> confirmed_;  // with this node
  std::vector<std::string> possible_;   // were proposed since, and etcd may have taken it
  std::map<std::string, Pace> paces_;   // of the members
  std::vector<std::string> ready_;      // enter now
};

}  // namespace ringkv::cluster
