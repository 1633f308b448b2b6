// SPDX-License-Identifier: MIT
#include "server/observe/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <memory>

#include "server/observe/metric_table.h"

namespace ringkv::server {

std::function<std::string()> MetricsPage(Server& server, storage::Txn& txn) {
  const auto families =
      std::make_shared<const std::vector<prometheus::MetricFamily>>(CollectMetrics(Observation(server, txn)));
  return [families] { return prometheus::TextSerializer().Serialize(*families); };
}

}  // namespace ringkv::server
