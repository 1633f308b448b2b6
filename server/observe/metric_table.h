// SPDX-License-Identifier: MIT
// The metrics: a row for each that is one number, a function for each that has labels. Names and units follow
// Prometheus' conventions.
//
// Threads: pure functions of an observation.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "server/observe/observation.h"

namespace ringkv::server {

// In the order in which they are shown.
std::vector<prometheus::MetricFamily> CollectMetrics(const Observation& observation);

}  // namespace ringkv::server
