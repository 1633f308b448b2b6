// SPDX-License-Identifier: MIT
// The target of a request: a row of the route table, a key, parameters.
#pragma once

#include <string>
#include <string_view>

#include "server/http/request.h"
#include "server/http/response.h"
#include "server/http/url.h"
#include "storage/base/db_index.h"
#include "storage/base/result.h"

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
  bool is_open = false;              // needs no password
  bool is_for_programs = false;      // shows no keys and no values: programs may use any Host
  void (*handle)(Exchange&);
  std::string_view summary;

  constexpr bool Allows(Method method) const { return (methods & Bit(method)) != 0; }
  static constexpr uint8_t Bit(Method method) { return static_cast<uint8_t>(1u << static_cast<unsigned>(method)); }
};

struct Target {
  const Route* route = nullptr;
  std::string key;
  Fields query;
  storage::DbIndex db = 0;
};

// The row of the path and method. An error is the response: an unknown path or method, or an answer to OPTIONS.
tl::expected<const Route*, Response> FindRoute(const Request& request);
// What the target has for its row. An error is the response: an invalid escape or parameter.
tl::expected<Target, Response> ReadTarget(const Request& request, const Route& route);

}  // namespace ringkv::server::http
