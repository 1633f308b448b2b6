// SPDX-License-Identifier: MIT
// Lists of processors in the form of redis.conf: "0,2-3", "0-7:2" (every second one).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace ringkv::server {

// Nothing if it is no such list; empty for an empty text.
std::optional<std::vector<int>> ParseCpuList(std::string_view text);
// Keeps the calling thread, and threads that it starts, to these processors; an empty list changes nothing. False if
// none of them is there for this process.
bool RunOnProcessors(std::string_view cpu_list);

}  // namespace ringkv::server
