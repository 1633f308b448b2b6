// SPDX-License-Identifier: MIT
#include "server/report/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <memory>
#include <vector>

#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

Families CollectFamilies(const Observation& observation) {
  Families families;
  for (const Metric& metric : Metrics()) {
    if (metric.add_families != nullptr) metric.add_families(observation, &families);
    if (metric.series.name == nullptr) continue;
    AddSample(&families.emplace_back(EmptyFamily(metric.series)), {}, metric.read(observation).Number());
  }
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace

std::function<std::string()> MetricsPage(const ReportParts& parts, storage::Txn& txn) {
  const auto families = std::make_shared<const Families>(CollectFamilies(Observation(parts, txn)));
  return [families] { return prometheus::TextSerializer().Serialize(*families); };
}

}  // namespace ringkv::server
