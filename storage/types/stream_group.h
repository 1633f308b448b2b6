// SPDX-License-Identifier: MIT
// A consumer group of a stream: its position, its consumers and their pending entries.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/effects/stream_id.h"

namespace ringkv::storage {

struct StreamConsumer {
  static constexpr UnixMs kNever = -1;

  UnixMs seen = 0;         // time of its last command
  UnixMs active = kNever;  // likewise, of the last one that made entries its own; after a restart by those it still has
  std::set<StreamId> pending = {};  // entries that it has not acknowledged yet
};

// A pending entry: delivered and not acknowledged. The entry may have been deleted since.
struct StreamPending {
  const std::string* consumer = nullptr;  // its name, owned by the group
  UnixMs delivered = 0;                   // last
  uint64_t deliveries = 0;
};

class StreamGroup {
 public:
  using Consumers = std::map<std::string, StreamConsumer, std::less<>>;
  using AllPending = std::map<StreamId, StreamPending>;

  static constexpr int64_t kUnknown = -1;

  StreamId last_id;         // the last delivered entry
  int64_t read = kUnknown;  // number of entries ever added that the group has read

  const Consumers& consumers() const { return consumers_; }
  const AllPending& pending() const { return pending_; }
  // Null if it does not exist.
  const StreamConsumer* FindConsumer(std::string_view name) const;

  // Creates the consumer if it does not exist; returns whether it did.
  bool PutConsumer(std::string_view name, UnixMs seen);
  // The consumer, which must exist, has made entries its own.
  void NoteActive(std::string_view name, UnixMs now);
  // Deletes the consumer with its pending entries. False if it does not exist.
  bool EraseConsumer(std::string_view name);
  // Makes the entry pending for the consumer, which is created if needed. Returns whether it was not pending before.
  bool Pend(std::string_view consumer, const StreamId& id, UnixMs delivered, uint64_t deliveries);
  // False if the entry was not pending.
  bool Acknowledge(const StreamId& id);

  // The approximate size of its allocations.
  size_t bytes() const;

 private:
  Consumers consumers_;
  AllPending pending_;
  size_t name_bytes_ = 0;
};

}  // namespace ringkv::storage
