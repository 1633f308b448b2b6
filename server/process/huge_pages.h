// SPDX-License-Identifier: MIT
// Transparent huge pages, which make a process take more memory than it uses if it gets them everywhere.
#pragma once

namespace ringkv::server {

// Turns them off for this process if the system gives them to all, except where the process asks for them; before Linux
// 6.18, which can't tell, there too. False if it can't be done.
bool DisableHugePages();

}  // namespace ringkv::server
