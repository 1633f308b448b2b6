// SPDX-License-Identifier: MIT
// The endpoints of the HTTP port: a row per path and methods.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/http/target.h"

namespace ringkv::server::http {

std::span<const Route> Routes();

// The distinct labels of rows, followed by one for other requests. Metrics are counted by label.
const std::vector<std::string_view>& RouteLabels();
// The index of a route's label; `route` may be null.
size_t LabelIndex(const Route* route);

}  // namespace ringkv::server::http
