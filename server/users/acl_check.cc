// SPDX-License-Identifier: MIT
#include "server/users/acl_check.h"

#include <algorithm>
#include <vector>

#include "server/base/text.h"
#include "server/command/key_positions.h"

namespace ringkv::server {
namespace {

bool MatchesChannel(const Selector& selector, std::string_view channel, bool is_pattern) {
  if (selector.has_all_channels) return true;
  const AclName name(channel);
  return std::any_of(selector.channels.begin(), selector.channels.end(),
                     [&](const AclPattern& rule) { return is_pattern ? rule.text() == channel : rule.Matches(name); });
}

bool PermitsCommand(const Selector& selector, const CommandEntry& entry, std::span<const std::string_view> argv) {
  if (selector.has_all_commands || selector.commands.test(entry.index) || entry.row->Is(kNoAuth)) return true;
  const auto found = selector.first_arguments.find(entry.index);
  if (found == selector.first_arguments.end() || argv.size() < 2) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& argument) { return EqualsIgnoringCase(argument, argv[1]); });
}

bool PermitsKey(const Selector& selector, const KeySpec& spec, std::string_view key,
                std::span<const std::string_view> argv) {
  return (spec.flags & kKeyNot) != 0 || selector.keys.Permit(key, UseOf(spec, argv));
}

// SIZE_MAX: all are permitted.
size_t FirstDeniedKey(const Selector& selector, const CommandEntry& entry, std::span<const std::string_view> argv) {
  const Command& row = *entry.row;
  if (selector.has_all_keys || row.keys.first == 0) return SIZE_MAX;
  if (entry.has_one_key) {
    const auto index = static_cast<size_t>(row.keys.first);
    if (index >= argv.size()) return SIZE_MAX;  // a script asks about too few arguments
    return PermitsKey(selector, row.keys, argv[index], argv) ? SIZE_MAX : index;
  }
  if (!HasValidCounts(row, argv)) return SIZE_MAX;  // the command does nothing but refuse them
  size_t denied = SIZE_MAX;
  ForEachKeyPosition(row, argv, [&](const KeySpec& spec, size_t index) {
    if (denied == SIZE_MAX && !PermitsKey(selector, spec, argv[index], argv)) denied = index;
  });
  return denied;
}

size_t FirstDeniedChannel(const Selector& selector, const ChannelSpec& spec, std::span<const std::string_view> argv) {
  if (selector.has_all_channels || !spec.Is(kChannelPublish | kChannelSubscribe)) return SIZE_MAX;
  const auto argc = static_cast<int>(argv.size());
  const int last = spec.last < 0 ? argc + spec.last : spec.last;
  for (int i = spec.first; i <= last && i < argc; ++i) {
    const auto index = static_cast<size_t>(i);
    if (!MatchesChannel(selector, argv[index], spec.Is(kChannelPattern))) return index;
  }
  return SIZE_MAX;
}

Denial CheckSelector(const Selector& selector, const CommandEntry& entry, std::span<const std::string_view> argv) {
  if (!PermitsCommand(selector, entry, argv)) return {.reason = DenialReason::kCommand};
  const size_t key = FirstDeniedKey(selector, entry, argv);
  if (key != SIZE_MAX) return {.reason = DenialReason::kKey, .argument = key};
  const size_t channel = FirstDeniedChannel(selector, entry.row->channels, argv);
  if (channel != SIZE_MAX) return {.reason = DenialReason::kChannel, .argument = channel};
  return {};
}

bool ReadsAllKeys(const Selector& selector) {
  const std::vector<KeyRule>& rules = selector.keys.all();
  return selector.has_all_keys || std::any_of(rules.begin(), rules.end(), [](const KeyRule& rule) {
           return rule.pattern.text() == "*" && (rule.access & kReadsKey) != 0;
         });
}

template <typename Test>
bool AnySelector(const Permissions& user, Test&& test) {
  return test(user.root) || std::any_of(user.more.begin(), user.more.end(), test);
}

}  // namespace

Denial CheckAcl(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv) {
  Denial shown = CheckSelector(user.root, entry, argv);
  if (!shown.is_denied()) return shown;
  for (const Selector& selector : user.more) {
    const Denial denial = CheckSelector(selector, entry, argv);
    if (!denial.is_denied()) return denial;
    const bool says_more =
        denial.reason > shown.reason || (denial.reason == shown.reason && denial.argument > shown.argument);
    if (says_more) shown = denial;
  }
  return shown;
}

bool MayReadAllKeys(const Permissions& user, const CommandEntry& entry, std::span<const std::string_view> argv) {
  return AnySelector(user, [&](const Selector& selector) {
    return ReadsAllKeys(selector) && !CheckSelector(selector, entry, argv).is_denied();
  });
}

bool MaySubscribe(const Permissions& user, std::string_view channel, bool is_pattern) {
  return AnySelector(user, [&](const Selector& selector) { return MatchesChannel(selector, channel, is_pattern); });
}

}  // namespace ringkv::server
