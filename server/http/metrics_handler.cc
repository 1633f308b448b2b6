// SPDX-License-Identifier: MIT
// GET /metrics.
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/report/metrics_page.h"

namespace ringkv::server::http {

void ShowMetrics(Exchange& exchange) {
  constexpr std::chrono::milliseconds kWritingCost(1);
  exchange.Compute(kWritingCost, [&exchange, write = MetricsPage(exchange.parts().report, exchange.txn())] {
    return [&exchange, page = write()] {
      exchange.Respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = page});
    };
  });
}

}  // namespace ringkv::server::http
