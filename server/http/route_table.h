// SPDX-License-Identifier: MIT
// All that the HTTP port answers: a row a path and method.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/http/target.h"

namespace ringkv::server::http {

std::span<const Route> Routes();

// The labels of rows, each once, and behind them one for whatever fits none. Metrics are counted by these.
const std::vector<std::string_view>& RouteLabels();
// A place among them; `route` may be null.
size_t LabelIndex(const Route* route);

}  // namespace ringkv::server::http
