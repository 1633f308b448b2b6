// SPDX-License-Identifier: MIT
// Whether whoever spreads requests over servers should send some here: what /readyz says.
#pragma once

#include <string>
#include <vector>

namespace ringkv::server {

class Server;

// Why not, each reason a sentence; none if it is ready.
std::vector<std::string> ReasonsNotReady(Server& server);

}  // namespace ringkv::server
