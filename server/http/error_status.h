// SPDX-License-Identifier: MIT
// What an error of a command is in HTTP.
#pragma once

#include <string_view>

#include "server/http/response.h"

namespace ringkv::server {
class Server;
}  // namespace ringkv::server

namespace ringkv::server::http {

// `error`: code word and text. `target`: what was asked for, which another node of the cluster may have.
Response ResponseToError(Server& server, std::string_view error, std::string_view target);

}  // namespace ringkv::server::http
