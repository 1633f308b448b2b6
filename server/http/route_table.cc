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
     .takes_conditions = true,
     .handle = GetKey,
     .summary = "Returns the bytes of the value, with an ETag."},
    {.path = "/keys/{key}",
     .label = "/keys/{key}",
     .methods = Route::Bit(Method::kPut),
     .body = Body::kAny,
     .parameters = "ttl nx xx keepttl db",
     .takes_conditions = true,
     .handle = PutKey,
     .summary = "Stores the body; ?ttl=SECONDS, ?nx, ?xx, ?keepttl; If-Match, If-None-Match."},
    {.path = "/keys/{key}",
     .label = "/keys/{key}",
     .methods = Route::Bit(Method::kDelete),
     .parameters = "db",
     .takes_conditions = true,
     .handle = DeleteKey,
     .summary = "Deletes the key; If-Match, If-None-Match."},
    {.path = "/get/{key}",
     .label = "/get/{key}",
     .methods = kReads,
     .parameters = "db",
     .takes_conditions = true,
     .handle = GetKey,
     .summary = "Returns the bytes of the value, with an ETag."},
    {.path = "/set",
     .label = "/set",
     .methods = kPost,
     .body = Body::kJsonOrForm,
     .parameters = "db",
     .handle = PostSet,
     .summary = "Stores {\"key\", \"value\", \"ttl\"}, in JSON or as a form."},
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
     .summary = "Returns the values of [\"key\", ...], null for missing keys."},
    {.path = "/mset",
     .label = "/mset",
     .methods = kPost,
     .body = Body::kJson,
     .parameters = "db",
     .handle = PostMSet,
     .summary = "Stores {\"key\": \"value\", ...} atomically."},
    {.path = "/search",
     .label = "/search",
     .methods = kReads,
     .parameters = "prefix suffix limit cursor values db",
     .handle = Search,
     .summary = "Searches keys by ?prefix= and ?suffix=, at most ?limit= from ?cursor= on; with ?values=1 returns "
                "their values."},
    {.path = "/metrics",
     .label = "/metrics",
     .methods = kReads,
     .command = "info",
     .may_be_open = true,
     .is_for_programs = true,
     .handle = ShowMetrics,
     .summary = "Metrics in the text format of Prometheus."},
    {.path = "/healthz",
     .label = "/healthz",
     .methods = kReads,
     .command = "ping",
     .may_be_open = true,
     .shows_no_data = true,
     .handle = ShowHealth,
     .summary = "Liveness."},
    {.path = "/readyz",
     .label = "/readyz",
     .methods = kReads,
     .parameters = "role",
     .command = "ping",
     .may_be_open = true,
     .shows_no_data = true,
     .handle = ShowReadiness,
     .summary = "Readiness: loaded, replication lag within ready-max-lag, not draining; with ?role=primary or "
                "?role=replica also the role."},
    {.path = "/",
     .label = "/",
     .methods = kReads,
     .parameters = "prefix suffix",
     .shows_no_data = true,
     .is_public = true,
     .is_of_console = true,
     .handle = ShowPage,
     .summary = "The console."},
    {.path = "/page/{key}",
     .label = "/",
     .methods = kReads,
     .shows_no_data = true,
     .is_public = true,
     .is_of_console = true,
     .handle = ShowPageFile,
     .summary = "A file of the console."},
    {.path = "/console/session",
     .label = "/console",
     .methods = kReads,
     .is_of_console = true,
     .handle = ShowSession,
     .summary = "Who asks, the commands that he may run, and these paths."},
    {.path = "/console/history",
     .label = "/console",
     .methods = kReads,
     .command = "info",
     .is_of_console = true,
     .handle = ShowHistory,
     .summary = "Samples of the last hour: throughput, latency, memory and others."},
    {.path = "/console/keys",
     .label = "/console/keys",
     .methods = kReads,
     .parameters = "prefix pattern separator cursor db",
     .command = "scan",
     .is_of_console = true,
     .handle = ShowKeyTree,
     .summary =
         "A part of the keys as a tree by ?separator=, below ?prefix=, with numbers and bytes per branch; or those "
         "that fit ?pattern=."},
    {.path = "/console/events",
     .label = "/console/events",
     .methods = Route::Bit(Method::kGet),
     .parameters = "samples monitor limit channel pattern db",
     .is_of_console = true,
     .is_endless = true,
     .handle = StreamEvents,
     .summary = "Server-sent events: ?samples each second, messages of ?channel= or ?pattern=, commands with ?monitor "
                "up to ?limit=."},
    {.path = "/console/commands",
     .label = "/console/commands",
     .methods = kPost,
     .body = Body::kJson,
     .parameters = "db",
     .is_of_console = true,
     .speaks_resp3 = true,
     .handle = PostCommands,
     .summary = "Runs {\"commands\": [[\"GET\", \"key\"], ...]} and returns the replies with their types."},
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
