// SPDX-License-Identifier: MIT
#include "server/observe/metrics_page.h"

#include <prometheus/text_serializer.h>

#include "server/observe/metric_table.h"

namespace ringkv::server {

std::string MetricsPage(Server& server, storage::Txn& txn) {
  const Observation observation(server, txn);
  return prometheus::TextSerializer().Serialize(CollectMetrics(observation));
}

}  // namespace ringkv::server
