// SPDX-License-Identifier: MIT
// How a client keeps copies of keys (CLIENT TRACKING).
//
// Threads: a value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/keyspace/tracking_table.h"

namespace ringkv::server {

// A client that tracks stays on its thread, so the pair is whom to tell, and where.
constexpr unsigned kClientIdBits = 56;
constexpr storage::TrackerId TrackerOf(size_t thread, uint64_t client) {
  return static_cast<uint64_t>(thread) << kClientIdBits | client;
}
constexpr size_t ThreadOf(storage::TrackerId tracker) { return static_cast<size_t>(tracker >> kClientIdBits); }
constexpr uint64_t ClientOf(storage::TrackerId tracker) { return tracker & ((uint64_t{1} << kClientIdBits) - 1); }

struct TrackingMode {
  bool is_on = false;
  bool is_broadcast = false;      // BCAST: hears of all keys with its prefixes
  bool opts_in = false;           // OPTIN: keeps what it reads after CLIENT CACHING YES only
  bool opts_out = false;          // OPTOUT: not what it reads after CLIENT CACHING NO
  bool skips_own = false;         // NOLOOP
  bool is_broken = false;         // the client that hears in its place was gone when it was to hear
  bool is_caching = false;        // CLIENT CACHING, for the next command or transaction
  bool ends_caching = false;      // which has begun
  uint64_t redirect = 0;          // REDIRECT: the client that hears in its place; 0: none
  storage::TrackerId self = 0;    // 0: it does not track
  storage::TrackerId reader = 0;  // as whom it reads keys now; 0: as nobody, they are not remembered

  // Call after a change of what decides that.
  void Update() {
    const bool remembers = is_on && !is_broadcast && (!opts_in || is_caching) && (!opts_out || !is_caching);
    reader = remembers ? self : 0;
  }
  // As whom it writes: somebody, if he wants to hear nothing of that.
  uint64_t author() const { return skips_own ? ClientOf(self) : 0; }
};

}  // namespace ringkv::server
