// SPDX-License-Identifier: MIT
// Whether somebody outside of this server decides its role (option coordinator).
#pragma once

#include <string>
#include <string_view>

#include "server/config/options.h"

namespace ringkv::server {

constexpr std::string_view kStaticCoordinator = "static";

inline bool HasCoordinator(const Options& options) {
  const std::string who = options.coordinator.Get();
  return !who.empty() && who != kStaticCoordinator;
}

}  // namespace ringkv::server
