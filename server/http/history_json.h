// SPDX-License-Identifier: MIT
// Samples of the server as JSON.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/report/history.h"

namespace ringkv::server::http {

// {"time":ms,"values":{"commands":1.5,...},"latency":{"all":[calls/s,p50,p99,p99.9],...}}, in microseconds.
std::string SampleInJson(const HistorySample& sample, const History& history);
// {"interval_ms":5000,"samples":[...]}.
std::string SamplesInJson(const std::vector<HistorySample>& samples, const History& history);

}  // namespace ringkv::server::http
