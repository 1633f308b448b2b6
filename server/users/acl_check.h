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

// What the command does to the key: bits of KeyAccess. OBJECT ENCODING does neither.
inline uint8_t UseOf(const KeySpec& spec, std::span<const std::string_view> argv) {
  const unsigned flags = spec.flags_of != nullptr ? spec.flags_of(argv) : spec.flags;
  const unsigned reads = (flags & kKeyAccess) != 0 ? kReadsKey : 0;
  const unsigned writes = (flags & (kKeyInsert | kKeyDelete | kKeyUpdate)) != 0 ? kWritesKey : 0;
  return static_cast<uint8_t>(reads | writes);
}

// Most requests have one key, and are permitted by the selector that every user has: then this says so, at a fraction
// of the cost. False: ask CheckAcl.
inline bool IsPermittedAtOnce(const Permissions& user, const CommandEntry& entry,
                              std::span<const std::string_view> argv) {
  const KeySpec& spec = entry.row->keys;
  const auto index = static_cast<size_t>(spec.first);
  const bool is_plain = entry.has_one_key && entry.row->channels.flags == 0 && (spec.flags & kKeyNot) == 0;
  if (!is_plain || index >= argv.size() || !user.root.commands.test(entry.index)) return false;
  return user.root.has_all_keys || user.root.keys.Permit(argv[index], UseOf(spec, argv));
}

// `entry` is the command of `argv`. Allocates nothing.
Denial CheckAcl(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv);
// Whether a selector that permits the request also permits to read every key: those that SORT finds by values.
bool MayReadAllKeys(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv);
// Whether a selector permits the subscription. A pattern must equal a rule.
bool MaySubscribe(const Permissions& user, std::string_view channel, bool is_pattern);

}  // namespace ringkv::server
