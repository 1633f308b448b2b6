// SPDX-License-Identifier: MIT
// The versions that INFO, HELLO and the programs report.
#pragma once

#include <string_view>

namespace ringkv::server {

constexpr std::string_view kRingKvVersion = "0.1.0";
// The Redis version whose commands and replies clients can expect.
constexpr std::string_view kRedisVersion = "7.4.0";
constexpr int kRedisVersionNumber = 0x070400;

}  // namespace ringkv::server
