// SPDX-License-Identifier: MIT
// What a library says of each of its functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ringkv::server {

// The flags of a function, in the bits of Redis.
enum FunctionFlag : uint32_t {
  kFunctionNoWrites = 1 << 0,
  kFunctionAllowOom = 1 << 1,
  kFunctionAllowStale = 1 << 2,
  kFunctionNoCluster = 1 << 3,
  kFunctionAllowCrossSlotKeys = 1 << 4,
};

// Their names in scripts and libraries, and in FUNCTION LIST.
inline constexpr std::pair<FunctionFlag, std::string_view> kFunctionFlagNames[] = {
    {kFunctionNoWrites, "no-writes"},
    {kFunctionAllowOom, "allow-oom"},
    {kFunctionAllowStale, "allow-stale"},
    {kFunctionNoCluster, "no-cluster"},
    {kFunctionAllowCrossSlotKeys, "allow-cross-slot-keys"},
};

// A function as redis.register_function describes it.
struct RegisteredFunction {
  std::string name;
  std::optional<std::string> description;
  uint32_t flags = 0;  // of FunctionFlag
};

}  // namespace ringkv::server
