// SPDX-License-Identifier: MIT
// What a user may do: the rules of ACL SETUSER, applied.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/users/acl_pattern.h"
#include "server/users/key_rules.h"

namespace ringkv::server {

// Room for all commands and subcommands; the registry of users checks that it suffices.
constexpr size_t kMostCommands = 512;

// One set of permissions. A request is permitted if one of a user's selectors permits all of it.
struct Selector {
  std::bitset<kMostCommands> commands;  // by CommandEntry::index
  // Of commands that are denied: first arguments with which they are permitted ("+select|0").
  std::map<size_t, std::vector<std::string>> first_arguments;
  KeyRules keys;
  std::vector<AclPattern> channels;
  bool has_all_commands = false;     // every command is permitted
  bool has_future_commands = false;  // +@all was the last word on all of them: shown as "+@all -..."
  bool has_all_keys = false;
  bool has_all_channels = false;
};

// The order of words of ACL LIST.
enum class PayloadChecks : uint8_t { kUnset, kSkipped, kDone };

struct Permissions {
  bool is_enabled = false;
  bool needs_no_password = false;
  PayloadChecks payload_checks = PayloadChecks::kUnset;
  std::vector<std::string> passwords;  // SHA-256, 64 hexadecimal digits
  Selector root;
  std::vector<Selector> more;  // in parentheses

  // Nothing can be refused.
  bool AllowAll() const { return root.has_all_commands && root.has_all_keys && root.has_all_channels; }
};

}  // namespace ringkv::server
