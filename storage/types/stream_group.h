// SPDX-License-Identifier: MIT
// A consumer group of a stream: how far it has read, and which entries were handed to whom and not acknowledged.
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
  UnixMs seen = 0;             // when it last asked for anything
  std::set<StreamId> pending;  // entries that it has not acknowledged
};

// An entry that was handed out and is not acknowledged; it may have been erased since.
struct StreamPending {
  const std::string* consumer = nullptr;  // its name; the group has it
  UnixMs delivered = 0;                   // last
  uint64_t deliveries = 0;
};

class StreamGroup {
 public:
  using Consumers = std::map<std::string, StreamConsumer, std::less<>>;
  using AllPending = std::map<StreamId, StreamPending>;

  static constexpr int64_t kUnknown = -1;

  StreamId last_id;         // the last entry handed out
  int64_t read = kUnknown;  // how many entries that ever were in the stream it has read

  const Consumers& consumers() const { return consumers_; }
  const AllPending& pending() const { return pending_; }
  // Null if there is none.
  const StreamConsumer* FindConsumer(std::string_view name) const;

  // Makes the consumer if it isn't there; true if so.
  bool PutConsumer(std::string_view name, UnixMs seen);
  // With all that is pending for it. False if it isn't there.
  bool EraseConsumer(std::string_view name);
  // The entry is the consumer's, which is made if need be; true if it was nobody's before.
  bool Pend(std::string_view consumer, const StreamId& id, UnixMs delivered, uint64_t deliveries);
  // False if it was nobody's.
  bool Acknowledge(const StreamId& id);

  // About what its allocations take.
  size_t bytes() const;

 private:
  Consumers consumers_;
  AllPending pending_;
  size_t name_bytes_ = 0;
};

}  // namespace ringkv::storage
