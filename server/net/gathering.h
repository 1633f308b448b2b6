// SPDX-License-Identifier: MIT
// Decides when a thread that has answered all requests pauses for some microseconds before it sleeps.
//
// The next request has to wake a sleeping thread, which costs the sending client as much as the thread. With many
// active clients, their requests are better served together, as network cards coalesce interrupts. During the pause
// other clients must have work to do, or it is lost time for all. So the thread pauses only while a round serves a
// small share of the active clients.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ringkv::server {

class Gathering {
 public:
  // Notes that a client's requests were answered in this round. `window` is state of this class in the client.
  void CountServed(uint32_t& window) {
    ++served_in_round_;
    if (window != window_) {
      window = window_;
      ++clients_in_window_;
    }
    if (++served_in_window_ < kWindow) return;
    clients_ = std::exchange(clients_in_window_, 0);
    served_in_window_ = 0;
    ++window_;
  }

  // The round is over and no work is left. True if a pause is worthwhile.
  bool EndRound() {
    const uint32_t served = std::exchange(served_in_round_, 0);
    if (std::exchange(has_paused_, false)) {
      const bool was_in_vain = served < kLeastGathered;
      rest_ = was_in_vain ? std::min(2 * rest_, kLongestRest) : kShortestRest;
      if (was_in_vain) rounds_to_rest_ = rest_;
    }
    if (clients_ < kLeastClients || served * kShare > clients_) rounds_to_rest_ = rest_;
    if (served == 0) return false;
    if (rounds_to_rest_ > 0) {
      --rounds_to_rest_;
      return false;
    }
    return has_paused_ = true;
  }

 private:
  static constexpr uint32_t kWindow = 256;       // replies per counting window
  static constexpr uint32_t kLeastClients = 20;  // with fewer, all of them may wait for this thread
  static constexpr uint32_t kShare = 2;          // a round may serve at most one in kShare clients
  static constexpr uint32_t kLeastGathered = 2;  // requests per successful pause
  // Rounds without a pause after an unsuccessful one; doubled each time.
  static constexpr uint32_t kShortestRest = 16;
  static constexpr uint32_t kLongestRest = 1024;

  uint32_t window_ = 1;  // 0: a client that was never served
  uint32_t served_in_window_ = 0;
  uint32_t clients_in_window_ = 0;
  uint32_t clients_ = 0;  // in the last complete window
  uint32_t served_in_round_ = 0;
  uint32_t rest_ = kShortestRest;
  uint32_t rounds_to_rest_ = 0;
  bool has_paused_ = false;
};

}  // namespace ringkv::server
