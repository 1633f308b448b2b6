// SPDX-License-Identifier: MIT
// Whether a user may execute a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "server/command/command_table.h"
#include "server/users/permissions.h"

namespace ringkv::server {

// The later of two reasons is shown when selectors deny for different ones.
enum class DenialReason : uint8_t { kNone, kCommand, kKey, kAuthentication, kChannel };

struct Denial {
  DenialReason reason = DenialReason::kNone;
  size_t argument = 0;  // the key or channel

  bool is_denied() const { return reason != DenialReason::kNone; }
};

// `entry` is the command of `argv`. Allocates nothing.
Denial CheckAcl(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv);
// Whether a selector that permits the request also permits to read every key: those that SORT finds by values.
bool MayReadAllKeys(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv);
// Whether a selector permits the subscription. A pattern must equal a rule.
bool MaySubscribe(const Permissions& user, std::string_view channel, bool is_pattern);

}  // namespace ringkv::server
