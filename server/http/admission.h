// SPDX-License-Identifier: MIT
// What a request's head must fulfil before its body is read, or anything is done.
#pragma once

#include <span>

#include "cluster/topology.h"
#include "server/http/target.h"

namespace ringkv::server {
struct Options;
}  // namespace ringkv::server

namespace ringkv::server::http {

// `nodes`: of this server's cluster; none if it is alone. An error is the response.
tl::expected<Target, Response> Admit(const Request& request, const Options& options,
                                     std::span<const cluster::Node> nodes);

}  // namespace ringkv::server::http
