// SPDX-License-Identifier: MIT
// What load balancers and orchestrators ask.
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "server/replication/replication.h"
#include "server/report/readiness.h"

namespace ringkv::server::http {

void ShowHealth(Exchange& exchange) { exchange.Respond({.body = "{\"status\":\"ok\"}\n"}); }

void ShowReadiness(Exchange& exchange) {
  std::vector<std::string> reasons = ReasonsNotReady(exchange.parts().report);
  if (const std::string* role = exchange.target().query.Find("role"); role != nullptr) {
    if (*role != "primary" && *role != "replica") return exchange.Fail(400, "role is primary or replica");
    const bool is_replica = exchange.parts().replication.is_replica();
    if (is_replica != (*role == "replica")) reasons.push_back("it is no " + *role);
    if (*role == "primary" && FollowsRedis(exchange.parts().report)) {
      reasons.emplace_back("it follows a Redis server (migrate-from) and takes no writes");
    }
  }
  if (reasons.empty()) return exchange.Respond({.body = "{\"ready\":true}\n"});
  std::string text = "{\"ready\":false,\"reasons\":[";
  for (const std::string& reason : reasons) text += (&reason == &reasons.front() ? "" : ",") + ToJson(reason);
  exchange.Respond({.status = 503, .headers = {{"Retry-After", "1"}}, .body = text + "]}\n"});
}

}  // namespace ringkv::server::http
