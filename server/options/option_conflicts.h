// SPDX-License-Identifier: MIT
// Options that exclude one another.
#pragma once

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

// At the start, before anything is opened or loaded.
storage::Status CheckConflicts(const Options& options);

}  // namespace ringkv::server
