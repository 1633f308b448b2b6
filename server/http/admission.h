// SPDX-License-Identifier: MIT
// What a request's head must fulfil before its body is read, or anything is done.
#pragma once

#include "server/http/target.h"

namespace ringkv::server {
struct Options;
}  // namespace ringkv::server

namespace ringkv::server::http {

// An error is the response.
tl::expected<Target, Response> Admit(const Request& request, const Options& options);

}  // namespace ringkv::server::http
