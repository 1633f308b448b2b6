// SPDX-License-Identifier: MIT
// Tells who has started this process how it is, where systemd or its like asks for that (sd_notify(3)): a datagram to
// the socket that the environment names. A protocol of one line, which needs no library.
#pragma once

#include <string_view>

namespace ringkv::server {

// `state`: "READY=1", "STOPPING=1" and so on. Does nothing if nobody has asked.
void NotifyService(std::string_view state);

}  // namespace ringkv::server
