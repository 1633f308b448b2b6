// SPDX-License-Identifier: MIT
// Transparent huge pages, which make a process take more memory than it uses.
#pragma once

namespace ringkv::server {

// Turns them off for this process if the system gives them to all. False if it can't be done.
bool DisableHugePages();

}  // namespace ringkv::server
