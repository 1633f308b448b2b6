// SPDX-License-Identifier: MIT
// What OpenSSL says is wrong.
#pragma once

#include <string>

namespace ringkv::transport {

// The reason of this thread's last failed call, in one line as redis-server shows it; the errors are forgotten.
std::string TakeTlsError();

}  // namespace ringkv::transport
