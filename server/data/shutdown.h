// SPDX-License-Identifier: MIT
// The end of a server in stages: it drains, writes are paused, replicas catch up, and the final snapshot is made. Any
// thread may request it; one thread makes the steps. Until the last step SHUTDOWN ABORT may end it, and then the server
// goes on.
//
// Threads: Step by one thread, the others by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "server/base/client_links.h"
#include "server/base/pause.h"
#include "server/data/data_keeper.h"

namespace ringkv::server {

struct ShutdownRequest {
  bool saves = false;                   // makes a snapshot; also without it, if the log needs one
  bool waits_for_replicas = true;       // at most for shutdown-timeout
  bool is_forced = false;               // a failed snapshot does not keep the server up
  bool leaves_scripts = false;          // does not wait for scripts, of which nothing is kept, nor make a snapshot
  int64_t drain_ms = 0;                 // before anything else; meanwhile all requests are served
  std::shared_ptr<ClientCard> by = {};  // is blocked until the end; null: a signal
};

// All references must outlive the object.
struct ShutdownParts {
  const Options& options;
  const storage::Clock& clock;
  Log& log;
  Pause& pause;
  DataKeeper& data;
  ClientLinks& links;
  std::function<size_t(storage::Lsn)> count_behind;  // online replicas that have not acknowledged the group
  std::function<void()> kill_scripts;                // those that have not written
};

class Shutdown {
 public:
  explicit Shutdown(ShutdownParts parts) : parts_(std::move(parts)) {}

  // Begins a shutdown. During another one the client only waits with its caller, as in Redis; but draining ends.
  void Request(ShutdownRequest request);
  // False if there is none, or it is too late.
  bool Abort();
  // Load balancers are told to send no requests.
  bool is_draining() const { return is_draining_.load(std::memory_order_relaxed); }
  // Whether a signal has requested it, and draining is over.
  bool IsAfterSignal();
  // The milliseconds that replicas have left to catch up; none before writes are paused.
  std::optional<int64_t> MillisecondsLeft();

  enum class Progress : uint8_t {
    kNothing,        // there is no shutdown, or it has been aborted or has failed
    kWaits,          // call Step again, some hundred times per second
    kReady,          // the program may end now
    kReadyUnloaded,  // likewise; the data is not loaded yet, and the files are unchanged
  };
  Progress Step();

 private:
  enum class Stage : uint8_t { kNone, kDrains, kBegins, kWaits, kEnds };

  Stage stage();
  void LeaveScripts() REQUIRES(mutex_);
  int64_t TimeoutMs(const ShutdownRequest& request) const;
  bool IsDrained();
  void PauseWrites();
  // Waits until writes that were admitted before have ended; scripts not for ever. False if that makes the shutdown
  // fail.
  bool AwaitWork();
  // Whether the replicas have caught up, or need not.
  bool IsCaughtUp();
  Progress Finish();
  // The server goes on; clients that wait for its end get an error.
  Progress GiveUp();

  const ShutdownParts parts_;
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_aborted_{false};
  std::atomic<bool> ends_wait_{false};  // for the work of I/O threads: aborted, or scripts are left
  storage::Mutex mutex_;
  Stage stage_ GUARDED_BY(mutex_) = Stage::kNone;
  ShutdownRequest request_ GUARDED_BY(mutex_);
  bool was_signalled_ GUARDED_BY(mutex_) = false;
  int64_t deadline_ms_ GUARDED_BY(mutex_) = 0;  // of the stage; by the steady clock
  std::vector<std::shared_ptr<ClientCard>> waiting_ GUARDED_BY(mutex_);
  storage::Lsn last_ = 0;  // the last write; used by the steps only
};

}  // namespace ringkv::server
