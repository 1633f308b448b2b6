// SPDX-License-Identifier: MIT
// Checks of a request's head before its body is read.
#pragma once

#include "server/http/authorization.h"
#include "server/http/target.h"

namespace ringkv::server {
struct ClusterView;
struct Options;
class Users;
}  // namespace ringkv::server

namespace ringkv::server::http {

// What a request is compared with.
struct AdmissionParts {
  const Options& options;
  const Users& users;
  const ClusterView* cluster;  // null outside of one
};

// An error is the response.
tl::expected<Target, Response> Admit(const Request& request, const Identity& sender, const AdmissionParts& parts);

}  // namespace ringkv::server::http
