// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace ringkv::server {

constexpr std::string_view kRingKvVersion = "0.1.0";
// The level of the protocol that is kept: what clients look at to know which commands and replies to expect.
constexpr std::string_view kRedisVersion = "7.0.15";

}  // namespace ringkv::server
