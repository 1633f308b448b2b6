// SPDX-License-Identifier: MIT
#include "server/http/target.h"

#include <algorithm>
#include <optional>

#include "server/base/text.h"
#include "server/http/route_table.h"
#include "server/http/url.h"

namespace ringkv::server::http {
namespace {

constexpr std::string_view kKeyMark = "{key}";
// Parameters that are there or are not.
constexpr std::string_view kFlags[] = {"nx", "xx", "keepttl", "samples", "monitor"};

bool Fits(const Route& route, std::string_view path) {
  if (!route.path.ends_with(kKeyMark)) return route.path == path;
  return path.starts_with(route.path.substr(0, route.path.size() - kKeyMark.size()));
}

// Of a path, or of any.
std::string AllowedMethods(std::optional<std::string_view> path) {
  std::string allowed = "OPTIONS";
  for (const auto& each : kMethodNames) {
    const bool fits = std::any_of(Routes().begin(), Routes().end(), [&](const Route& route) {
      return (!path || Fits(route, *path)) && route.Allows(each.method);
    });
    if (fits) allowed += ", " + std::string(each.name);
  }
  return allowed;
}

}  // namespace

tl::expected<const Route*, Response> FindRoute(const Request& request) {
  if (request.method == Method::kOptions && request.target == "*") {
    Response response{.status = 204};
    response.headers.emplace_back("Allow", AllowedMethods(std::nullopt));
    return tl::unexpected(std::move(response));
  }
  const std::string_view path = SplitTarget(request.target).path;
  const Route* found = nullptr;
  bool is_known = false;
  for (const Route& route : Routes()) {
    if (!Fits(route, path)) continue;
    is_known = true;
    if (route.Allows(request.method)) found = &route;
  }
  if (!is_known)
    return tl::unexpected(ErrorResponse(404, "there is no such path; docs/http.md lists those that there are"));
  if (found == nullptr) {
    Response response = request.method == Method::kOptions ? Response{.status = 204}
                                                           : ErrorResponse(405, "this path doesn't take this method");
    response.headers.emplace_back("Allow", AllowedMethods(path));
    return tl::unexpected(std::move(response));
  }
  return found;
}

tl::expected<Target, Response> ReadTarget(const Request& request, const Route& route) {
  const auto& [authority, path, query] = SplitTarget(request.target);
  Target target{.route = &route, .key = {}, .query = {}};
  if (route.path.ends_with(kKeyMark)) {
    auto key = PercentDecode(path.substr(route.path.size() - kKeyMark.size()), false);
    if (!key) return tl::unexpected(ErrorResponse(400, "a % in the key has no two hexadecimal digits behind it"));
    target.key = std::move(*key);
  }
  auto fields = Fields::Parse(query);
  if (!fields) return tl::unexpected(ErrorResponse(400, "a % in the query has no two hexadecimal digits behind it"));
  target.query = std::move(*fields);
  if (query.empty()) return target;
  if (const std::string* other = target.query.FindOther(Words(route.parameters)); other != nullptr) {
    const std::string known = route.parameters.empty() ? "none" : std::string(route.parameters);
    return tl::unexpected(ErrorResponse(400, "parameter '" + *other + "' is unknown here; there are: " + known));
  }
  if (const std::string* name = target.query.FindTwice()) {
    return tl::unexpected(ErrorResponse(400, "parameter '" + *name + "' is given twice"));
  }
  for (const std::string_view flag : kFlags) {
    const std::string* value = target.query.Find(flag);
    if (value == nullptr || value->empty() || *value == "1") continue;
    return tl::unexpected(ErrorResponse(400, "parameter '" + std::string(flag) + "' stands alone or is 1"));
  }
  return target;
}

}  // namespace ringkv::server::http
