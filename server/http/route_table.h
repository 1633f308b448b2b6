// SPDX-License-Identifier: MIT
// The endpoints of the HTTP port: a row per path and methods.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "server/http/request.h"

namespace ringkv::server::http {

class Exchange;

enum class Body : uint8_t { kNone, kAny, kJson, kJsonOrForm };

// A row of the table. Several rows may have the same path with different methods.
struct Route {
  std::string_view path;   // complete; {key} at its end stands for a key
  std::string_view label;  // for metrics and documentation; equal for rows with the same function
  uint8_t methods;         // bits, see Bit
  Body body = Body::kNone;
  std::string_view parameters = {};  // allowed in the query
  bool takes_conditions = false;     // supports If-Match and If-None-Match
  std::string_view command = {};     // that its user needs, where it runs none: shows what this command does
  bool may_be_open = false;          // http-open-paths may name it: then it needs no user
  bool shows_no_data = false;        // nor anything about them: any Host will do
  bool is_for_programs = false;      // shows no keys and no values: programs may use any Host
  bool is_public = false;            // the same for everyone: needs no user
  bool is_of_console = false;        // gone with http-console no
  bool speaks_resp3 = false;         // its commands reply in RESP3
  bool is_endless = false;           // its response is a stream of events
  void (*handle)(Exchange&);
  std::string_view summary;

  constexpr bool Allows(Method method) const { return (methods & Bit(method)) != 0; }
  static constexpr uint8_t Bit(Method method) { return static_cast<uint8_t>(1u << static_cast<unsigned>(method)); }
};

std::span<const Route> Routes();

// The distinct labels of rows, followed by one for other requests. Metrics are counted by label.
const std::vector<std::string_view>& RouteLabels();
// The index of a route's label; `route` may be null.
size_t LabelIndex(const Route* route);

}  // namespace ringkv::server::http
