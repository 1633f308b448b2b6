// SPDX-License-Identifier: MIT
#include "server/users/acl_rules.h"

#include <algorithm>
#include <cctype>

#include "resp/inline_words.h"
#include "server/base/text.h"
#include "server/users/password.h"

namespace ringkv::server {
namespace {

using Error = std::optional<RuleError>;

constexpr std::string_view kUnknownCommand = "Unknown command or category name in ACL";
constexpr std::string_view kBadSyntax = "Syntax error";
constexpr std::string_view kBadHash =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
constexpr std::string_view kNoSuchPassword = "The password you are trying to remove from the user does not exist";
constexpr std::string_view kAfterAllKeys =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try "
    "'resetkeys' to start with an empty list of patterns";
constexpr std::string_view kAfterAllChannels =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try "
    "'resetchannels' to start with an empty list of channels";

Error Say(std::string_view text) { return RuleError{.text = std::string(text)}; }

Error SayUnknown() { return RuleError{.text = std::string(kUnknownCommand), .is_unknown_command = true}; }

bool HasBlankOrNul(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0 || c == '\0'; });
}

template <typename Values, typename Value>
void AddOnce(Values& values, Value value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(std::move(value));
}

Error AddPassword(std::string hash, Permissions& user) {
  AddOnce(user.passwords, std::move(hash));
  user.needs_no_password = false;
  return std::nullopt;
}

Error RemovePassword(const std::string& hash, Permissions& user) {
  const auto found = std::find(user.passwords.begin(), user.passwords.end(), hash);
  if (found == user.passwords.end()) return Say(kNoSuchPassword);
  user.passwords.erase(found);
  return std::nullopt;
}

// "~pattern", "%R~pattern". The access, and how long it is in front of the pattern; no access: it is wrong.
std::pair<uint8_t, size_t> ReadAccess(std::string_view rule) {
  if (rule[0] == '~') return {kReadsKey | kWritesKey, 1};
  uint8_t access = 0;
  for (size_t at = 1; at < rule.size(); ++at) {
    const int letter = std::toupper(static_cast<unsigned char>(rule[at]));
    const uint8_t named = letter == 'R' ? kReadsKey : letter == 'W' ? kWritesKey : 0;
    if (rule[at] == '~') return {access, at + 1};
    if (named == 0 || (access & named) != 0) return {0, 0};
    access = static_cast<uint8_t>(access | named);
  }
  return {access, rule.size()};
}

void AllowAllKeys(Selector& selector) {
  selector.has_all_keys = true;
  selector.keys.Clear();
}

Error AddKeyRule(std::string_view rule, Selector& selector) {
  if (rule == "~*") {
    AllowAllKeys(selector);
    return std::nullopt;
  }
  if (selector.has_all_keys) return Say(kAfterAllKeys);
  const auto [access, start] = ReadAccess(rule);
  const std::string_view pattern = rule.substr(start);
  if (access == 0 || HasBlankOrNul(pattern)) return Say(kBadSyntax);
  selector.keys.Allow(pattern, access);
  return std::nullopt;
}

void AllowAllChannels(Selector& selector) {
  selector.has_all_channels = true;
  selector.channels.clear();
}

Error AddChannelRule(std::string_view pattern, Selector& selector) {
  if (pattern == "*") {
    AllowAllChannels(selector);
    return std::nullopt;
  }
  if (selector.has_all_channels) return Say(kAfterAllChannels);
  if (HasBlankOrNul(pattern)) return Say(kBadSyntax);
  AddOnce(selector.channels, AclPattern(pattern));
  return std::nullopt;
}

void RemoveAllChannels(Selector& selector) {
  selector.has_all_channels = false;
  selector.channels.clear();
}

void SetOne(const CommandEntry& entry, bool allowed, Selector& selector) {
  selector.commands.set(entry.index, allowed);
  selector.first_arguments.erase(entry.index);
}

}  // namespace

void SetAllCommands(bool allowed, Selector& selector) {
  selector.first_arguments.clear();
  if (allowed) {
    selector.commands.set();
  } else {
    selector.commands.reset();
  }
  selector.has_all_commands = allowed;
  selector.has_future_commands = allowed;
}

void SetCommand(const CommandEntry& entry, bool allowed, Selector& selector) {
  SetOne(entry, allowed, selector);
  for (const CommandEntry* subcommand : entry.subcommands) SetOne(*subcommand, allowed, selector);
  if (!allowed) selector.has_all_commands = false;
}

void SetCategory(const AclCategory& category, bool allowed, Selector& selector) {
  if (allowed) {
    selector.commands |= category.covered;
  } else {
    selector.commands &= ~category.covered;
    selector.has_all_commands = false;
  }
  std::erase_if(selector.first_arguments, [&](const auto& each) { return category.covered.test(each.first); });
}

JoinedRules JoinSelectors(std::span<const std::string_view> arguments) {
  JoinedRules joined;
  std::string open;
  for (const std::string_view argument : arguments) {
    if (argument.starts_with('(') && !argument.ends_with(')')) {
      open = argument;  // as in Redis, also instead of one that has begun
      joined.unmatched = open;
    } else if (!joined.unmatched) {
      joined.rules.emplace_back(argument);
    } else {
      open += " " + std::string(argument);
      if (!argument.ends_with(')')) continue;
      joined.rules.push_back(std::move(open));
      joined.unmatched.reset();
    }
  }
  return joined;
}

Selector AclRules::NewSelector() const {
  Selector selector;
  selector.has_all_channels = channels_ == ChannelDefault::kAll;
  return selector;
}

Permissions AclRules::NewUser() const {
  Permissions user;
  user.root = NewSelector();
  return user;
}

Permissions AclRules::UnrestrictedUser() const {
  Permissions user = NewUser();
  for (const std::string_view rule : {"+@all", "~*", "&*", "on", "nopass"}) Apply(rule, user);
  return user;
}

Error AclRules::ChangeCategory(std::string_view rule, Selector& selector) const {
  const bool allowed = rule[0] == '+';
  const std::string_view name = rule.substr(2);
  if (EqualsIgnoringCase(name, "all")) {
    SetAllCommands(allowed, selector);
    return std::nullopt;
  }
  const AclCategory* const category = categories_.Find(name);
  if (category == nullptr) return SayUnknown();
  SetCategory(*category, allowed, selector);
  return std::nullopt;
}

// "+select|0": the command as far as its first argument is this.
Error AclRules::AddFirstArgument(std::string_view name, Selector& selector) const {
  const size_t bar = name.rfind('|');
  const CommandEntry* const entry = categories_.Command(name.substr(0, bar));
  if (entry == nullptr) return SayUnknown();
  if (entry->parent != nullptr) return Say("Allowing first-arg of a subcommand is not supported");
  if (bar + 1 == name.size()) return Say(kBadSyntax);
  // A container's words are subcommands, and this one it does not have.
  if (!entry->subcommands.empty()) return SayUnknown();
  std::vector<std::string>& known = selector.first_arguments[entry->index];
  const std::string_view argument = name.substr(bar + 1);
  const bool is_known = std::any_of(known.begin(), known.end(),
                                    [&](const std::string& each) { return EqualsIgnoringCase(each, argument); });
  if (!is_known) known.emplace_back(argument);
  return std::nullopt;
}

Error AclRules::ChangeCommand(std::string_view rule, Selector& selector) const {
  const bool allowed = rule[0] == '+';
  const std::string_view name = rule.substr(1);
  if (const CommandEntry* const entry = categories_.Command(name)) {
    SetCommand(*entry, allowed, selector);
    return std::nullopt;
  }
  if (!allowed || name.find('|') == std::string_view::npos) return SayUnknown();
  return AddFirstArgument(name, selector);
}

Error AclRules::ApplyToSelector(std::string_view rule, Selector& selector) const {
  if (EqualsIgnoringCase(rule, "allkeys")) return AddKeyRule("~*", selector);
  if (EqualsIgnoringCase(rule, "allchannels")) return AddChannelRule("*", selector);
  if (EqualsIgnoringCase(rule, "allcommands")) return ChangeCategory("+@all", selector);
  if (EqualsIgnoringCase(rule, "nocommands")) return ChangeCategory("-@all", selector);
  if (EqualsIgnoringCase(rule, "resetkeys")) {
    selector.has_all_keys = false;
    selector.keys.Clear();
    return std::nullopt;
  }
  if (EqualsIgnoringCase(rule, "resetchannels")) {
    RemoveAllChannels(selector);
    return std::nullopt;
  }
  switch (rule[0]) {
    case '~':
    case '%': return AddKeyRule(rule, selector);
    case '&': return AddChannelRule(rule.substr(1), selector);
    case '+':
    case '-': return rule.size() > 1 && rule[1] == '@' ? ChangeCategory(rule, selector) : ChangeCommand(rule, selector);
    default: return Say(kBadSyntax);
  }
}

Error AclRules::AddSelector(std::string_view rule, Permissions& user) const {
  if (rule.size() < 2 || !rule.ends_with(')')) return Say(kBadSyntax);
  Selector selector = NewSelector();
  std::string text;
  std::vector<resp::InlineWord> words;
  // As in Redis, what has a quote that is not closed gives no words.
  if (!resp::SplitInlineWords(rule.substr(1, rule.size() - 2), &text, &words)) words.clear();
  for (const resp::InlineWord& word : words) {
    if (Error error = ApplyToSelector(std::string_view(text).substr(word.offset, word.length), selector)) return error;
  }
  user.more.push_back(std::move(selector));
  return std::nullopt;
}

Error AclRules::Apply(std::string_view rule, Permissions& user) const {
  const auto is = [rule](std::string_view word) { return EqualsIgnoringCase(rule, word); };
  if (rule.empty()) return std::nullopt;
  if (rule[0] == '(') return AddSelector(rule, user);
  if (is("on") || is("off")) {
    user.is_enabled = is("on");
  } else if (is("nopass") || is("resetpass")) {
    user.needs_no_password = is("nopass");
    user.passwords.clear();
  } else if (is("skip-sanitize-payload")) {
    user.payload_checks = PayloadChecks::kSkipped;
  } else if (is("sanitize-payload")) {
    user.payload_checks = PayloadChecks::kDone;
  } else if (is("clearselectors")) {
    user.more.clear();
  } else if (is("reset")) {
    user = NewUser();
    user.payload_checks = PayloadChecks::kDone;
  } else if (rule[0] == '>' || rule[0] == '<') {
    const std::string hash = HashOfPassword(rule.substr(1));
    return rule[0] == '>' ? AddPassword(hash, user) : RemovePassword(hash, user);
  } else if (rule[0] == '#' || rule[0] == '!') {
    if (!IsPasswordHash(rule.substr(1))) return Say(kBadHash);
    const std::string hash(rule.substr(1));
    return rule[0] == '#' ? AddPassword(hash, user) : RemovePassword(hash, user);
  } else {
    return ApplyToSelector(rule, user.root);
  }
  return std::nullopt;
}

}  // namespace ringkv::server
