// SPDX-License-Identifier: MIT
// Maps errors of commands to HTTP responses.
#pragma once

#include <string_view>

#include "server/http/response.h"

namespace ringkv::server::http {

struct HttpParts;
struct Request;

// `error`: code and text. A redirect to another node keeps the target of the request. Who has not said who he is, and
// may not have it as `default`, is asked for a user.
Response ResponseToError(const HttpParts& parts, std::string_view error, const Request& request);

}  // namespace ringkv::server::http
