// SPDX-License-Identifier: MIT
// GET /metrics.
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/observe/metrics_page.h"

namespace ringkv::server::http {

void ShowMetrics(Exchange& exchange) {
  exchange.Respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                    .body = MetricsPage(exchange.server(), exchange.txn())});
}

}  // namespace ringkv::server::http
