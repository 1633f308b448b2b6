// SPDX-License-Identifier: MIT
// The process' limit of open files, and how many clients it carries.
#pragma once

#include <cstdint>

namespace ringkv::server {

// Raises the limit to what so many clients need, as far as the system lets it. Returns how many of them it carries
// then, beside the server's own files; at least 1.
int64_t RaiseFileLimit(int64_t clients, int64_t io_threads);

}  // namespace ringkv::server
