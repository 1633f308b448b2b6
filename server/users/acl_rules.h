// SPDX-License-Identifier: MIT
// The rules of ACL SETUSER and of `user` lines, one by one. Source: the page "ACL" of redis.io; the errors are
// redis-server's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/command_table.h"
#include "server/users/acl_categories.h"
#include "server/users/permissions.h"

namespace ringkv::server {

// Whether new users, and those that are reset, may use all channels. The index of the choice of acl-pubsub-default.
enum class ChannelDefault : uint8_t { kAll, kNone };

struct RuleError {
  std::string text;
  bool is_unknown_command = false;  // or category; the rule has no secret then
};

class AclRules {
 public:
  // `categories` must outlive it.
  AclRules(const AclCategories& categories, ChannelDefault channels) : categories_(categories), channels_(channels) {}

  // A user as ACL SETUSER makes one without rules.
  Permissions NewUser() const;
  // The user `default` of a server without configuration: it may do everything.
  Permissions UnrestrictedUser() const;

  // Applies one rule; a selector comes whole, in parentheses. Says what is wrong, and nothing has changed then.
  std::optional<RuleError> Apply(std::string_view rule, Permissions& user) const;

 private:
  std::optional<RuleError> ApplyToSelector(std::string_view rule, Selector& selector) const;
  std::optional<RuleError> AddSelector(std::string_view rule, Permissions& user) const;
  std::optional<RuleError> ChangeCommand(std::string_view rule, Selector& selector) const;
  std::optional<RuleError> AddFirstArgument(std::string_view name, Selector& selector) const;
  std::optional<RuleError> ChangeCategory(std::string_view rule, Selector& selector) const;
  Selector NewSelector() const;

  const AclCategories& categories_;
  const ChannelDefault channels_;
};

// Permits or denies all commands, also those that don't exist yet.
void SetAllCommands(bool allowed, Selector& selector);
// Permits or denies a command with its subcommands.
void SetCommand(const CommandEntry& entry, bool allowed, Selector& selector);
void SetCategory(const AclCategory& category, bool allowed, Selector& selector);

// The rules of the arguments: those from one that starts with ( to the one that ends with ) are joined by blanks. On an
// error the first one that lacks its end.
struct JoinedRules {
  std::vector<std::string> rules;
  std::optional<std::string> unmatched;
};
JoinedRules JoinSelectors(std::span<const std::string_view> arguments);

}  // namespace ringkv::server
