// SPDX-License-Identifier: MIT
// The metrics in the text format of Prometheus.
#pragma once

#include <functional>
#include <string>

#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ReportParts;

// Collects the values at once. The returned function writes the page, which takes longer; any thread may call it. `txn`
// holds no lock, or all.
std::function<std::string()> MetricsPage(const ReportParts& parts, storage::Txn& txn);

}  // namespace ringkv::server
