// SPDX-License-Identifier: MIT
// INFO: one row per field, with the names that monitoring tools expect.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ReportParts;

// `sections`: names in any case, "default", "all" or "everything"; empty for the default ones. `txn` holds no lock, or
// all.
std::string InfoPage(const ReportParts& parts, storage::Txn& txn, const std::vector<std::string_view>& sections);

}  // namespace ringkv::server
