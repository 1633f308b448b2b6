// SPDX-License-Identifier: MIT
// Metrics of a node whose role a coordinator decides: its lease, the in-sync set, elections. INFO has them only there.
#include "server/replication/replication.h"
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

Replication::Election ElectionOf(const Observation& o) { return o.parts.replication.election(); }
bool IsElected(const Observation& o) { return o.parts.replication.is_elected(); }

constexpr Metric kCoordinatorMetrics[] = {
    {.section = "replication",
     .info = "coordinator_lease_ms",
     .read = [](const Observation& o) { return Reading(ElectionOf(o).lease_ms); },
     .is_shown = IsElected},
    {.series = {"ringkv_coordinator_lease_seconds", kGauge, "Time for which this server may serve as a primary."},
     .read = [](const Observation& o) { return Reading(static_cast<double>(ElectionOf(o).lease_ms) / 1000, 3); },
     .is_shown = IsElected},
    {.section = "replication",
     .info = "coordinator_fenced",
     .series = {"ringkv_coordinator_fenced", kGauge, "1 if this server is a primary whose lease has run out."},
     .read = [](const Observation& o) { return Reading(o.parts.replication.is_fenced()); },
     .is_shown = IsElected},
    {.section = "replication",
     .info = "coordinator_in_sync",
     .series = {"ringkv_coordinator_in_sync_nodes", kGauge,
                "Nodes of the in-sync set of this primary, itself included."},
     .read = [](const Observation& o) { return Reading(ElectionOf(o).in_sync); },
     .is_shown = IsElected},
    {.section = "replication",
     .info = "coordinator_elections_won",
     .series = {"ringkv_coordinator_elections_won_total", kCounter, "Times at which this server became the primary."},
     .read = [](const Observation& o) { return Reading(ElectionOf(o).won); },
     .is_shown = IsElected},
    {.section = "replication",
     .info = "coordinator_failures",
     .series = {"ringkv_coordinator_failures_total", kCounter, "Calls of the coordinator that were not answered."},
     .read = [](const Observation& o) { return Reading(ElectionOf(o).failures); },
     .is_shown = IsElected},
};

}  // namespace

std::span<const Metric> CoordinatorMetrics() { return kCoordinatorMetrics; }

}  // namespace ringkv::server
