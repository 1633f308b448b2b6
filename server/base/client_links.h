// SPDX-License-Identifier: MIT
// What the server may ask of the connections, whichever thread they live on: the network implements it, a test may
// count the calls.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/client_card.h"
#include "storage/base/lsn.h"

namespace ringkv::server {

// The index of a thread that has no clients.
constexpr size_t kNoThread = SIZE_MAX;

// What a client is answered that has waited.
struct LateAnswer {
  std::string reply;
  storage::Lsn lsn = 0;          // the last group of the log that it depends on
  std::string error = {};        // the code, if it is an error
  bool is_accounted = false;     // among the calls of its command; not if it may no longer wait, as in Redis
  uint64_t nanoseconds = 0;      // that the command took when it was called again
  bool ends_connection = false;  // behind the reply
};

class ClientLinks {
 public:
  virtual ~ClientLinks() = default;
  // Closes the client's connection soon, from its own thread.
  virtual void Close(const ClientCard& card) = 0;
  // Appends bytes to what the client will read.
  virtual void Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) = 0;
  // Hands a message to clients of a thread, who have subscribed. `bytes` are RESP2. Called by the thread `from`, which
  // may be kNoThread, if need be while it executes a command of one of them.
  virtual void Deliver(size_t from, size_t thread, std::shared_ptr<const std::vector<uint64_t>> clients,
                       std::shared_ptr<const std::string> bytes) = 0;
  // Has the command executed by the other nodes of the cluster, or of this one's shard, as far as they can be reached.
  // Called by the thread `from`, which may be kNoThread.
  virtual void TellNodes(size_t from, bool only_own_shard, std::span<const std::string_view> argv) = 0;
  // Commands that waited for the end of a pause may run.
  virtual void ResumePaused() = 0;
  // Ends what the client waits for, as its time-out would, or with an error.
  virtual void Unblock(const ClientCard& card, bool with_error) = 0;
  // Answers what the client waits for: soon, from its own thread.
  virtual void Answer(const ClientCard& card, LateAnswer answer) = 0;
  // Replicas have acknowledged more: who waits for that may go on.
  virtual void ResumeWaiting() = 0;
  // Returns when every thread of clients has come to the end of what it was doing when this was called, or `give_up`
  // becomes true.
  virtual void WaitForRound(const std::atomic<bool>& give_up) = 0;
  // More replies are safe to leave than before.
  virtual void ReleaseReplies() = 0;
  // Ends the program in an orderly way.
  virtual void Stop() = 0;
};

}  // namespace ringkv::server
