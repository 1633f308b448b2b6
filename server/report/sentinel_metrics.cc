// SPDX-License-Identifier: MIT
// INFO sentinel: the shard that clients of Sentinel are told about. Fields of what this node does not do as Sentinel
// does are there with the values of a Sentinel at rest.
#include <vector>

#include "server/report/metric_table.h"
#include "server/sentinel/shard_watch.h"

namespace ringkv::server {
namespace {

using ShardField = GroupField<ShardView>;

constexpr ShardField kShardFields[] = {
    {.info = "name", .read = [](const Observation&, const ShardView& view) { return Reading(view.service); }},
    {.info = "status",
     .read = [](const Observation&, const ShardView& view) { return Reading(view.primary.is_down ? "sdown" : "ok"); }},
    {.info = "address",
     .read = [](const Observation&, const ShardView& view) { return Reading(view.primary.address.Text()); }},
    {.info = "slaves", .read = [](const Observation&, const ShardView& view) { return Reading(view.replicas.size()); }},
    {.info = "sentinels",
     .read = [](const Observation&, const ShardView& view) { return Reading(view.answering.size() + 1); }},
};

constexpr MetricGroup<ShardView> kShards = {
    .things = [](const Observation& o) { return std::vector<ShardView>{o.parts.shard_watch.View()}; },
    .line = [](const ShardView&) { return std::string("master0"); },
    .fields = kShardFields};

constexpr Metric kSentinelMetrics[] = {
    {.section = "sentinel", .info = "sentinel_masters", .read = Always<"1">},
    {.section = "sentinel", .info = "sentinel_tilt", .read = Always<"0">},
    {.section = "sentinel", .info = "sentinel_tilt_since_seconds", .read = Always<"-1">},
    {.section = "sentinel", .info = "sentinel_running_scripts", .read = Always<"0">},
    {.section = "sentinel", .info = "sentinel_scripts_queue_length", .read = Always<"0">},
    {.section = "sentinel", .info = "sentinel_simulate_failure_flags", .read = Always<"0">},
    {.section = "sentinel", .add_lines = AddGroupLines<kShards>},
};

}  // namespace

std::span<const Metric> SentinelMetrics() { return kSentinelMetrics; }

}  // namespace ringkv::server
