// SPDX-License-Identifier: MIT
// The target of a request: a row of the route table, a key, parameters.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http/request.h"
#include "server/http/response.h"
#include "server/http/url.h"
#include "server/users/users.h"
#include "storage/base/db_index.h"
#include "storage/base/result.h"

namespace ringkv::server::http {

struct Route;

struct Target {
  const Route* route = nullptr;
  std::string key;
  Fields query;
  storage::DbIndex db = 0;
  std::shared_ptr<UserAccount> user = nullptr;  // who sends it; null on an open path, where nobody's permissions count
};

// The row of the path and method. An error is the response: an unknown path or method, or an answer to OPTIONS.
tl::expected<const Route*, Response> FindRoute(const Request& request);
// The parameters in the target, for its row. An error is the response: an invalid escape or parameter.
tl::expected<Target, Response> ReadTarget(const Request& request, const Route& route);

}  // namespace ringkv::server::http
