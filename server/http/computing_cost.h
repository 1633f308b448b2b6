// SPDX-License-Identifier: MIT
// How long a computation may take at worst, by the bytes that it goes over: see Exchange::Compute.
#pragma once

#include <chrono>
#include <cstddef>

namespace ringkv::server::http {

// Reading it, or writing it: documents of many short items are the slow ones.
constexpr std::chrono::nanoseconds JsonCost(size_t bytes) { return std::chrono::nanoseconds(40 * bytes); }
// What isn't in the cache is hashed at the speed of the memory.
constexpr std::chrono::nanoseconds DigestCost(size_t bytes) { return std::chrono::nanoseconds(bytes / 4); }

}  // namespace ringkv::server::http
