// SPDX-License-Identifier: MIT
// Maps errors of commands to HTTP responses.
#pragma once

#include <string_view>

#include "server/http/response.h"

namespace ringkv::server::http {

struct HttpParts;

// `error`: code and text. `target`: the request target, for a redirect to another node.
Response ResponseToError(const HttpParts& parts, std::string_view error, std::string_view target);

}  // namespace ringkv::server::http
