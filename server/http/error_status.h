// SPDX-License-Identifier: MIT
// Maps errors of commands to HTTP responses.
#pragma once

#include <string_view>

#include "server/http/response.h"

namespace ringkv::server {
class Server;
}  // namespace ringkv::server

namespace ringkv::server::http {

// `error`: code and text. `target`: the request target, for a redirect to another node.
Response ResponseToError(Server& server, std::string_view error, std::string_view target);

}  // namespace ringkv::server::http
