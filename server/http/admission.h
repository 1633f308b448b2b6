// SPDX-License-Identifier: MIT
// Checks of a request's head before its body is read.
#pragma once

#include "server/http/target.h"

namespace ringkv::server {
struct ClusterView;
struct Options;
}  // namespace ringkv::server

namespace ringkv::server::http {

// `cluster` is null outside of one. An error is the response.
tl::expected<Target, Response> Admit(const Request& request, const Options& options, const ClusterView* cluster);

}  // namespace ringkv::server::http
