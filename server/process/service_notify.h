// SPDX-License-Identifier: MIT
// Notifies the service manager (sd_notify(3)): a datagram to the socket in the environment. The protocol is one line
// and needs no library.
#pragma once

#include <string_view>

namespace ringkv::server {

// `state`: "READY=1", "STOPPING=1" and so on. Does nothing without a service manager.
void NotifyService(std::string_view state);

}  // namespace ringkv::server
