// SPDX-License-Identifier: MIT
// What a thread asks of the system's scheduler.
#pragma once

#include <chrono>

namespace ringkv::server {

// Has the calling thread run in slices of this length, 100 µs at least, from Linux 6.12 on: whoever wakes on its
// processor waits for the end of a slice, which else lasts up to four milliseconds. `nicer`: so much more nice than it
// is.
void RunInSlices(std::chrono::microseconds slice, int nicer = 0);

}  // namespace ringkv::server
