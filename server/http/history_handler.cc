// SPDX-License-Identifier: MIT
// GET /console/history.
#include <memory>

#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/history_json.h"

namespace ringkv::server::http {

void ShowHistory(Exchange& exchange) {
  constexpr std::chrono::microseconds kSampleCost(10);
  const History& history = exchange.parts().history;
  const auto samples = std::make_shared<const std::vector<HistorySample>>(history.Samples());
  exchange.Compute(kSampleCost * samples->size(), [&exchange, &history, samples] {
    return [&exchange, json = SamplesInJson(*samples, history)]() mutable {
      exchange.Respond({.headers = {{"Cache-Control", "no-store"}}, .body = std::move(json)});
    };
  });
}

}  // namespace ringkv::server::http
