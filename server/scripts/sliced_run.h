// SPDX-License-Identifier: MIT
// Work of a client that may take long, and then takes turns with the other work of its thread: it gets slices of time
// between the rounds of the event loop, and keeps its locks meanwhile, which are marked as held for long.
//
// Threads: confined to the thread that began it, or, until the end, to that which it was moved to; is_overdue: any.
#pragma once

#include <cstdint>

namespace ringkv::server {

struct ThreadState;

class SlicedRun {
 public:
  enum class Progress : uint8_t {
    kEnded,
    kSuspended,  // call Resume soon
    kWaits,      // for locks that are held for long: call Resume when some hold has ended
  };

  virtual ~SlicedRun() = default;
  // Goes on for a slice.
  virtual Progress Resume() = 0;
  // From now on another thread goes on with it, whose state this is, until it has ended. False if it can't.
  virtual bool MoveTo(ThreadState&) { return false; }
  // After the end of a run that has been suspended: unlocks, and answers the client.
  virtual void FinishLate() = 0;
  // Ends it in any case, without a reply, because the server ends. False if it has changed what can't be undone: then
  // it keeps its locks, so that nobody sees that, and must stay until the process is gone.
  [[nodiscard]] virtual bool Abandon() = 0;
  // It waits to begin, and holds nothing: nobody has to wait for it.
  virtual bool is_postponed() const { return false; }
  // It has lasted longer than clients should be kept waiting (busy-reply-threshold).
  virtual bool is_overdue() const = 0;
};

}  // namespace ringkv::server
