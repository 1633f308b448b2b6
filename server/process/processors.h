// SPDX-License-Identifier: MIT
// How many processors this process may use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringkv::server {

// Those that the machine has, that the affinity mask of the thread leaves, and that the CPU limits of the control group
// and of those around it allow (versions 1 and 2). A limit is rounded down, because a thread beyond it would have all
// of them stopped for a part of each period; at least 1.
size_t UsableProcessors();

// The CPU limits of the control group alone, in processors, rounded down; at least 1; SIZE_MAX: none. `root`: where
// /proc and /sys are, for tests.
size_t CpuLimitOfGroup(const std::string& root);

}  // namespace ringkv::server
