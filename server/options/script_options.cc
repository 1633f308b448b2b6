// SPDX-License-Identifier: MIT
// Options of scripts and functions.
#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

constexpr OptionRow kScriptOptions[] = {
    {.name = "busy-reply-threshold",
     .type = OptionType::kInteger,
     .default_value = "5000",
     .alias = "lua-time-limit",
     .least = 0,
     .changeable = true,
     .summary = "Milliseconds after which clients that a script keeps waiting are answered BUSY; 0: never.",
     .field = &Options::busy_reply_threshold},
    {.name = "script-memory-limit",
     .type = OptionType::kMemory,
     .default_value = "256mb",
     .least = 0,
     .changeable = true,
     .summary = "Maximum memory of one running script or function; 0: no limit.",
     .field = &Options::script_memory_limit},
    {.name = "scripts-memory-limit",
     .type = OptionType::kMemory,
     .default_value = "1gb",
     .least = 0,
     .changeable = true,
     .summary = "Maximum memory of all interpreters of scripts together, and of those of functions; 0: no limit.",
     .field = &Options::scripts_memory_limit},
};

}  // namespace

std::span<const OptionRow> ScriptOptions() { return kScriptOptions; }

}  // namespace ringkv::server
