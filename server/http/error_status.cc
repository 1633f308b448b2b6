// SPDX-License-Identifier: MIT
#include "server/http/error_status.h"

#include <algorithm>

#include "cluster/topology.h"
#include "server/cluster/cluster_state.h"
#include "server/command/error_replies.h"
#include "server/http/authorization.h"
#include "server/http/http_parts.h"
#include "server/http/request.h"
#include "server/http/url.h"

namespace ringkv::server::http {
namespace {

constexpr struct {
  std::string_view code;
  int status;
} kByCode[] = {{"WRONGTYPE", 409}, {"READONLY", 403},   {"NOPERM", 403},      {"OOM", 507},
               {"LOADING", 503},   {"MASTERDOWN", 503}, {"CLUSTERDOWN", 503}, {"NOREPLICAS", 503},
               {"MISCONF", 503},   {"TRYAGAIN", 503},   {"ASK", 503},         {"BUSY", 503}};

int StatusOf(std::string_view error) {
  if (error == errors::kStringTooLong) return 413;
  if (error == errors::kConditionOnString) return 409;
  const std::string_view code = error.substr(0, error.find(' '));
  const auto* found =
      std::find_if(std::begin(kByCode), std::end(kByCode), [&](const auto& each) { return each.code == code; });
  return found == std::end(kByCode) ? 400 : found->status;
}

// "MOVED slot host:port", where the port is that for Redis' protocol.
std::string Owner(const HttpParts& parts, std::string_view moved) {
  const std::string_view address = moved.substr(moved.rfind(' ') + 1);
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  int64_t http_port = parts.options.http_port;
  const std::shared_ptr<const ClusterView> view = parts.cluster.view();
  for (const cluster::Node& node : view->topology.nodes()) {
    const ShownNode& shown = view->Shown(node);
    const bool is_owner = (shown.ip == host || shown.hostname == host) && std::to_string(shown.port) == port;
    if (is_owner && node.http_port != 0) http_port = node.http_port;
  }
  const bool is_v6 = host.find(':') != std::string_view::npos;
  const std::string scheme = parts.options.http_tls != 0 ? "https://" : "http://";
  return scheme + (is_v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(http_port);
}

}  // namespace

Response ResponseToError(const HttpParts& parts, std::string_view error, const Request& request) {
  if (error.starts_with("NOPERM ") && request.authorization.empty()) return AskForLogin(error);
  if (!error.starts_with("MOVED ")) return ErrorResponse(StatusOf(error), error);
  Response response = ErrorResponse(307, "another node of the cluster has this key");
  const TargetParts place = SplitTarget(request.target);
  response.headers.emplace_back("Location", Owner(parts, error) + std::string(place.path) +
                                                (place.query.empty() ? "" : "?" + std::string(place.query)));
  return response;
}

}  // namespace ringkv::server::http
