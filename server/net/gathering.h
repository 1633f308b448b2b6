// SPDX-License-Identifier: MIT
// Decides when a thread that has answered all there was pauses for some microseconds before it sleeps.
//
// A sleeping thread is woken by the next request, which costs the client that sends it as much as the thread. Where
// many clients are at work, those that would come one by one are better served together: what network cards do with
// interrupts. Whoever waits for the pause must leave enough other clients with something to do, or the pause is lost
// time for all; so it is made only while a round serves a small share of the clients that take part.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ringkv::server {

class Gathering {
 public:
  // A client's requests were answered in this round. `window` is kept with the client for this alone.
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

  // The round is over and nothing is left to do. True when a pause is worth it now.
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
  static constexpr uint32_t kWindow = 256;       // answers after which the clients are counted anew
  static constexpr uint32_t kLeastClients = 20;  // with fewer, all wait for this thread now and then
  static constexpr uint32_t kShare = 2;          // a round's clients may be one of so many
  static constexpr uint32_t kLeastGathered = 2;  // by a pause, or it was in vain
  // Rounds without a pause where one makes no sense; twice as many after each that was in vain.
  static constexpr uint32_t kShortestRest = 16;
  static constexpr uint32_t kLongestRest = 1024;

  uint32_t window_ = 1;  // a client that was never served has 0
  uint32_t served_in_window_ = 0;
  uint32_t clients_in_window_ = 0;
  uint32_t clients_ = 0;  // of the last whole window
  uint32_t served_in_round_ = 0;
  uint32_t rest_ = kShortestRest;
  uint32_t rounds_to_rest_ = 0;
  bool has_paused_ = false;
};

}  // namespace ringkv::server
