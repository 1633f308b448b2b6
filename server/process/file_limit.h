// SPDX-License-Identifier: MIT
// The limit of open files, and the number of clients that it allows.
#pragma once

#include <cstdint>

namespace ringkv::server {

// Raises the limit for this number of clients, as far as the system allows. Returns the number of clients that it then
// allows besides the server's own files; at least 1.
int64_t RaiseFileLimit(int64_t clients, int64_t io_threads);

}  // namespace ringkv::server
