// SPDX-License-Identifier: MIT
// Parses the option `save`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ringkv::server {

// A snapshot is due after `changes` when the last one is `seconds` old.
struct SavePoint {
  int64_t seconds = 0;
  int64_t changes = 0;
};

// "900 1 300 10"; empty for none. Nothing if it isn't pairs of numbers.
std::optional<std::vector<SavePoint>> ParseSavePoints(std::string_view text);

}  // namespace ringkv::server
