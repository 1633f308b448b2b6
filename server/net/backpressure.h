// SPDX-License-Identifier: MIT
// Backpressure for a client that sends requests without reading the replies.
//
// If the server stopped receiving, a program that writes all of its requests before it reads the first reply would
// deadlock. So bytes are always received, and this class decides whether they stay requests or become replies. Requests
// are executed while the unread replies take less than a mark, or less than the waiting requests. So a client takes at
// most twice the smaller of its requests and its replies, without an estimate of the reply's size. At their own limit
// requests are executed anyway, until the limit of the replies closes the client.
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
  size_t mark = 0;                 // unread replies, up to which requests are always executed
  size_t input_limit = 0;          // waiting requests (client-query-buffer-limit)
  size_t output_limit = SIZE_MAX;  // unread replies, at which the client is closed (client-output-buffer-limit)
  bool is_limit_of_all = false;    // output_limit comes from maxmemory-clients: this client would be the largest

  // Reads the options, for a client of the class. `all_clients`: the limit of all clients together; 0: none.
  static Backpressure Of(const Options& options, ClientClass client_class, size_t all_clients) {
    const auto hard = static_cast<size_t>(options.output_limits[static_cast<size_t>(client_class)].hard_bytes.load());
    Backpressure result;
    result.output_limit = hard == 0 ? SIZE_MAX : hard;
    result.is_limit_of_all = all_clients != 0 && all_clients < result.output_limit;
    if (result.is_limit_of_all) result.output_limit = all_clients;
    result.input_limit = static_cast<size_t>(options.client_query_buffer_limit.load());
    // Far enough below the limit that a client which reads is not closed for requests that the server executed ahead.
    result.mark = std::min(static_cast<size_t>(options.client_output_pause_bytes.load()), result.output_limit / 2);
    return result;
  }

  // Whether the next request may be executed, with these bytes of unread replies and of waiting requests.
  bool MayExecute(size_t unread, size_t unexecuted) const {
    if (unread <= mark || unexecuted >= input_limit) return true;
    return unread <= std::min(unexecuted, output_limit / 2);
  }
  // Whether a paused client resumes after it has read some bytes; a hysteresis avoids resuming for a few bytes.
  bool MayGoOn(size_t unread, size_t unexecuted) const { return MayExecute(unread * 2, unexecuted); }
};

}  // namespace ringkv::server
