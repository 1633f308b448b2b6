// SPDX-License-Identifier: MIT
#include "server/http/route_table.h"

#include <algorithm>

#include "server/http/handlers.h"

namespace ringkv::server::http {
namespace {

constexpr uint8_t kReads = Route::Bit(Method::kGet) | Route::Bit(Method::kHead);
constexpr uint8_t kPost = Route::Bit(Method::kPost);

constexpr Route kRoutes[] = {
    {.path = "/keys/{key}",
     .label = "/keys/{key}",
     .methods = kReads,
     .parameters = "db",
     .handle = GetKey,
     .summary = "The bytes of the value, with an ETag."},
    {.path = "/keys/{key}",
     .label = "/keys/{key}",
     .methods = Route::Bit(Method::kPut),
     .body = Body::kAny,
     .parameters = "ttl nx xx keepttl db",
     .handle = PutKey,
     .summary = "Stores the body; ?ttl=SECONDS, ?nx, ?xx, ?keepttl; If-Match, If-None-Match."},
    {.path = "/keys/{key}",
     .label = "/keys/{key}",
     .methods = Route::Bit(Method::kDelete),
     .parameters = "db",
     .handle = DeleteKey,
     .summary = "Deletes the key; If-Match."},
    {.path = "/get/{key}",
     .label = "/get/{key}",
     .methods = kReads,
     .parameters = "db",
     .handle = GetKey,
     .summary = "Likewise the bytes of the value."},
    {.path = "/set",
     .label = "/set",
     .methods = kPost,
     .body = Body::kJsonOrForm,
     .parameters = "db",
     .handle = PostSet,
     .summary = "Stores what {\"key\", \"value\", \"ttl\"} says, in JSON or as a form."},
    {.path = "/set/{key}",
     .label = "/set/{key}",
     .methods = kPost,
     .body = Body::kJson,
     .parameters = "ttl db",
     .handle = PostSetKey,
     .summary = "Stores the JSON string in the body."},
    {.path = "/mget",
     .label = "/mget",
     .methods = kPost,
     .body = Body::kJson,
     .parameters = "db",
     .handle = PostMGet,
     .summary = "The values of [\"key\", ...], null for those that aren't there."},
    {.path = "/mset",
     .label = "/mset",
     .methods = kPost,
     .body = Body::kJson,
     .parameters = "db",
     .handle = PostMSet,
     .summary = "Stores {\"key\": \"value\", ...}, all of it at once."},
    {.path = "/search",
     .label = "/search",
     .methods = kReads,
     .parameters = "prefix suffix limit cursor values db",
     .handle = Search,
     .summary = "Keys by ?prefix= and ?suffix=, up to ?limit= from ?cursor= on; with ?values=1 their values."},
    {.path = "/metrics",
     .label = "/metrics",
     .methods = kReads,
     .is_for_programs = true,
     .handle = ShowMetrics,
     .summary = "Metrics in the text format of Prometheus."},
    {.path = "/healthz",
     .label = "/healthz",
     .methods = kReads,
     .is_open = true,
     .handle = ShowHealth,
     .summary = "Whether the process answers."},
    {.path = "/readyz",
     .label = "/readyz",
     .methods = kReads,
     .parameters = "role",
     .is_open = true,
     .handle = ShowReadiness,
     .summary = "Whether it is to be given requests: loaded, not too far behind, not draining; ?role=primary or "
                "?role=replica: and that."},
    {.path = "/",
     .label = "/",
     .methods = kReads,
     .parameters = "prefix suffix",
     .handle = ShowPage,
     .summary = "This page."},
    {.path = "/page.css", .label = "/", .methods = kReads, .handle = ShowPageStyle, .summary = "Its looks."},
    {.path = "/page.js", .label = "/", .methods = kReads, .handle = ShowPageScript, .summary = "Its search."},
};

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

const std::vector<std::string_view>& RouteLabels() {
  static const std::vector<std::string_view> labels = [] {
    std::vector<std::string_view> made;
    for (const Route& route : kRoutes) {
      if (std::find(made.begin(), made.end(), route.label) == made.end()) made.push_back(route.label);
    }
    made.push_back("other");
    return made;
  }();
  return labels;
}

size_t LabelIndex(const Route* route) {
  // Asked for each response: by the row's number.
  static const std::vector<size_t> indexes = [] {
    const std::vector<std::string_view>& labels = RouteLabels();
    std::vector<size_t> made;
    for (const Route& each : kRoutes) {
      made.push_back(static_cast<size_t>(std::find(labels.begin(), labels.end(), each.label) - labels.begin()));
    }
    return made;
  }();
  return route == nullptr ? RouteLabels().size() - 1 : indexes[static_cast<size_t>(route - kRoutes)];
}

}  // namespace ringkv::server::http
