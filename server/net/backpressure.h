// SPDX-License-Identifier: MIT
// What a connection does for a client that sends requests and doesn't read the replies.
//
// Not to receive from it would lock out every program that writes all of its requests before it reads the first reply:
// it waits until it can send, the server until it can. So bytes are always received; whether they stay requests or
// become replies is decided by what weighs less. Requests are executed while the unread replies weigh less than a mark,
// or less than the requests that are waiting. With that, a client whose replies are larger than its requests costs
// little more than these, one whose replies are smaller little more than those, and either at most twice the lesser of
// both, without a guess at what a request will answer. When the requests have reached their limit they are executed
// all the same, until the limit of the replies closes the client.
//
// Threads: a value; atomic where it reads options.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/config/options.h"

namespace ringkv::server {

struct Backpressure {
  // All in bytes.
  size_t mark = 0;                 // of unread replies, up to which requests are executed in any case
  size_t input_limit = 0;          // of requests that wait (client-query-buffer-limit)
  size_t output_limit = SIZE_MAX;  // of unread replies, at which the client is closed (client-output-buffer-limit)
  bool is_limit_of_all = false;    // it is that of all clients (maxmemory-clients): this one would be the largest

  // As the options are now, for a client of the class. `all_clients`: what all may take together; 0: no limit.
  static Backpressure Of(const Options& options, ClientClass client_class, size_t all_clients) {
    const auto hard = static_cast<size_t>(options.output_limits[static_cast<size_t>(client_class)].hard_bytes.load());
    Backpressure result;
    result.output_limit = hard == 0 ? SIZE_MAX : hard;
    result.is_limit_of_all = all_clients != 0 && all_clients < result.output_limit;
    if (result.is_limit_of_all) result.output_limit = all_clients;
    result.input_limit = static_cast<size_t>(options.client_query_buffer_limit.load());
    // Far enough below the limit that a client which reads is never closed for what the server did ahead.
    result.mark = std::min(static_cast<size_t>(options.client_output_pause_bytes.load()), result.output_limit / 2);
    return result;
  }

  // Whether the next request may be executed, with so many bytes of replies and of requests waiting.
  bool MayExecute(size_t unread, size_t unexecuted) const {
    if (unread <= mark || unexecuted >= input_limit) return true;
    return unread <= std::min(unexecuted, output_limit / 2);
  }
  // Whether one that had to wait goes on when the client has read some: not for a few bytes at a time.
  bool MayGoOn(size_t unread, size_t unexecuted) const { return MayExecute(unread * 2, unexecuted); }
};

}  // namespace ringkv::server
