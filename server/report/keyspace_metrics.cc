// SPDX-License-Identifier: MIT
// Keys by database and by prefix, and the indexes of keys.
#include "server/report/metric_table.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

using Database = std::pair<storage::DbIndex, storage::DatabaseSize>;

constexpr GroupField<Database> kDatabaseFields[] = {
    {.info = "keys",
     .series = {"ringkv_keys", kGauge, "Keys of a database."},
     .read = [](const Observation&, const Database& each) { return Reading(each.second.keys); }},
    {.info = "expires",
     .series = {"ringkv_keys_expiring", kGauge, "Keys of a database with an expiry."},
     .read = [](const Observation&, const Database& each) { return Reading(each.second.volatile_keys); }},
    {.info = "avg_ttl",
     .read = [](const Observation& o, const Database& each) { return Reading(each.second.AverageTtl(o.now_ms)); }},
    {.info = "subexpiry",
     .series = {"ringkv_keys_with_expiring_fields", kGauge, "Hashes of a database with fields that expire."},
     .read = [](const Observation&, const Database& each) { return Reading(each.second.field_expiry_keys); }},
};

constexpr MetricGroup<Database> kDatabases = {
    .things = [](const Observation& o) { return o.memory.databases; },
    .line = [](const Database& each) { return "db" + std::to_string(each.first); },
    .label = "db",
    .label_value = [](const Database& each) { return std::to_string(each.first); },
    .fields = kDatabaseFields};

// --- prefixes (metrics-prefix) --------------------------------------------------------------------------------------

using storage::PrefixUsage;

constexpr GroupField<PrefixUsage> kPrefixFields[] = {
    {.series = {"ringkv_prefix_keys", kGauge, "Keys with the prefix (metrics-prefix)."},
     .read = [](const Observation&, const PrefixUsage& each) { return Reading(each.size.keys); }},
    {.series = {"ringkv_prefix_bytes", kGauge, "Memory of keys with the prefix and of their values."},
     .read = [](const Observation&, const PrefixUsage& each) { return Reading(each.size.bytes); }},
    {.series = {"ringkv_prefix_reads_total", kCounter, "Look-ups of keys with the prefix."},
     .read = [](const Observation&, const PrefixUsage& each) { return Reading(each.uses.reads); }},
    {.series = {"ringkv_prefix_hits_total", kCounter, "Look-ups that found the key."},
     .read = [](const Observation&, const PrefixUsage& each) { return Reading(each.uses.reads - each.uses.misses); }},
    {.series = {"ringkv_prefix_writes_total", kCounter, "Changes of keys with the prefix."},
     .read = [](const Observation&, const PrefixUsage& each) { return Reading(each.uses.writes); }},
};

constexpr MetricGroup<PrefixUsage> kPrefixes = {
    .things = [](const Observation& o) { return storage::PrefixUsages(o.txn); },
    .label = "prefix",
    .label_value = [](const PrefixUsage& each) { return each.prefix; },
    .fields = kPrefixFields};

// --- indexes --------------------------------------------------------------------------------------------------------

struct Index {
  std::string kind;
  bool is_wanted;
  uint64_t searches;
  storage::IndexReport report;

  bool is_ready() const { return is_wanted && report.ready == report.tables; }
};

std::vector<Index> Indexes(const Observation& o) {
  std::vector<Index> indexes;
  storage::IndexPolicy& policy = o.parts.data.store().index_policy();
  for (const storage::Direction direction : storage::kBothDirections) {
    indexes.push_back({.kind = direction == storage::Direction::kForward ? "prefix" : "suffix",
                       .is_wanted = policy.IsWanted(direction, o.steady_ms),
                       .searches = policy.answered(direction),
                       .report = storage::ReportIndexes(o.txn, direction)});
  }
  return indexes;
}

std::string_view StateOf(const Index& index) {
  if (!index.is_wanted) return "off";
  return index.is_ready() ? "ready" : "building";
}

constexpr GroupField<Index> kIndexFields[] = {
    {.info = "state", .read = [](const Observation&, const Index& each) { return Reading(StateOf(each)); }},
    {.info = "keys",
     .series = {"ringkv_index_keys", kGauge, "Keys in a key index."},
     .read = [](const Observation&, const Index& each) { return Reading(each.report.keys); }},
    {.info = "bytes",
     .series = {"ringkv_index_bytes", kGauge, "Memory of a key index."},
     .read = [](const Observation&, const Index& each) { return Reading(each.report.bytes); }},
    {.series = {"ringkv_index_ready", kGauge, "1 if the index covers all keys."},
     .read = [](const Observation&, const Index& each) { return Reading(each.is_ready()); }},
    {.info = "searches",
     .series = {"ringkv_index_searches_total", kCounter, "Searches answered by the index."},
     .read = [](const Observation&, const Index& each) { return Reading(each.searches); }},
};

constexpr MetricGroup<Index> kIndexes = {.things = Indexes,
                                         .line = [](const Index& each) { return each.kind + "_index"; },
                                         .label = "kind",
                                         .label_value = [](const Index& each) { return each.kind; },
                                         .fields = kIndexFields};

constexpr Metric kKeyspaceMetrics[] = {
    {.section = "keyspace", .add_lines = AddGroupLines<kDatabases>, .add_families = AddGroupFamilies<kDatabases>},
    {.add_families = AddGroupFamilies<kPrefixes>},
    {.section = "keyindex", .info = "key_index", .read = OptionText<"key-index">},
    {.section = "keyindex", .add_lines = AddGroupLines<kIndexes>, .add_families = AddGroupFamilies<kIndexes>},
};

}  // namespace

std::span<const Metric> KeyspaceMetrics() { return kKeyspaceMetrics; }

}  // namespace ringkv::server
