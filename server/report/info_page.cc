// SPDX-License-Identifier: MIT
#include "server/report/info_page.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/report/metric_table.h"
#include "server/report/observation.h"

namespace ringkv::server {
namespace {

struct Section {
  std::string_view name;
  std::string_view title;
  bool is_default = true;
  bool is_of_all = true;                               // else it is for those who name it, because it takes long
  bool (*is_there)(const Options& options) = nullptr;  // null: always
};

constexpr Section kSections[] = {
    {"server", "Server"},
    {"clients", "Clients"},
    {"memory", "Memory"},
    {"persistence", "Persistence"},
    {"stats", "Stats"},
    {"replication", "Replication"},
    {"cpu", "CPU"},
    {"modules", "Modules"},
    {"commandstats", "Commandstats", false},
    {"errorstats", "Errorstats"},
    {"latencystats", "Latencystats", false},
    {"cluster", "Cluster"},
    {"sentinel", "Sentinel", true, true,
     [](const Options& options) { return !options.sentinel_master_name.Get().empty(); }},
    {"keyspace", "Keyspace"},
    {"keyindex", "Keyindex"},
    {"keysizes", "Keysizes", false, false},
};

bool IsAsked(const Section& section, const std::vector<std::string_view>& asked) {
  if (asked.empty()) return section.is_default;
  return std::any_of(asked.begin(), asked.end(), [&](std::string_view word) {
    if (EqualsIgnoringCase(word, "all") || EqualsIgnoringCase(word, "everything")) return section.is_of_all;
    if (EqualsIgnoringCase(word, "default")) return section.is_default;
    return EqualsIgnoringCase(word, section.name);
  });
}

void AddLines(const Metric& metric, const Observation& observation, std::string* page) {
  if (metric.add_lines != nullptr) return metric.add_lines(observation, page);
  if (metric.info.empty() || (metric.is_shown != nullptr && !metric.is_shown(observation))) return;
  page->append(metric.info).append(":").append(metric.read(observation).Text()).append("\r\n");
}

}  // namespace

std::string InfoPage(const ReportParts& parts, storage::Txn& txn, const std::vector<std::string_view>& sections) {
  const Observation observation(parts, txn);
  const std::vector<Metric> metrics = Metrics();
  std::string page;
  for (const Section& section : kSections) {
    if (!IsAsked(section, sections)) continue;
    if (section.is_there != nullptr && !section.is_there(parts.options)) continue;
    if (!page.empty()) page += "\r\n";
    page += "# " + std::string(section.title) + "\r\n";
    for (const Metric& metric : metrics) {
      if (metric.section == section.name) AddLines(metric, observation, &page);
    }
  }
  return page;
}

}  // namespace ringkv::server
