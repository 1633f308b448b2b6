// SPDX-License-Identifier: MIT
// Upper estimates of the time of a computation, by its input bytes; see Exchange::Compute.
#pragma once

#include <chrono>
#include <cstddef>

namespace ringkv::server::http {

// Parsing or writing JSON; documents of many short items are the slowest.
constexpr std::chrono::nanoseconds JsonCost(size_t bytes) { return std::chrono::nanoseconds(40 * bytes); }
// Bytes outside of the cache are hashed at the speed of the memory.
constexpr std::chrono::nanoseconds DigestCost(size_t bytes) { return std::chrono::nanoseconds(bytes / 4); }

}  // namespace ringkv::server::http
