// SPDX-License-Identifier: MIT
// Begins TLS on a connection to another server, for a thread that may wait.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/base/result.h"
#include "transport/channel.h"
#include "transport/tls_context.h"

namespace ringkv::transport {

// Within the timeout. Gives up when `is_stopped` says so, which is asked several times a second.
storage::Status ShakeHands(Channel& channel, const TlsContext& context, const std::string& host, int64_t timeout_ms,
                           const std::function<bool()>& is_stopped);

}  // namespace ringkv::transport
