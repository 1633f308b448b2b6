// SPDX-License-Identifier: MIT
// What the server may ask of the connections, whichever thread they live on: the network implements it, a test may
// count the calls.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "server/session/client_directory.h"

namespace ringkv::server {

class ClientLinks {
 public:
  virtual ~ClientLinks() = default;
  // Closes the client's connection soon, from its own thread.
  virtual void Close(const ClientCard& card) = 0;
  // Appends bytes to what the client will read.
  virtual void Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) = 0;
  // Commands that waited for the end of a pause may run.
  virtual void ResumePaused() = 0;
  // Ends what the client waits for, as its time-out would, or with an error.
  virtual void Unblock(const ClientCard& card, bool with_error) = 0;
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
