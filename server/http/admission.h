// SPDX-License-Identifier: MIT
// Checks of a request's head before its body is read.
#pragma once

#include <span>

#include "cluster/topology.h"
#include "server/http/target.h"

namespace ringkv::server {
struct Options;
}  // namespace ringkv::server

namespace ringkv::server::http {

// `nodes`: the nodes of the cluster; empty outside of one. An error is the response.
tl::expected<Target, Response> Admit(const Request& request, const Options& options,
                                     std::span<const cluster::Node> nodes);

}  // namespace ringkv::server::http
