// SPDX-License-Identifier: MIT
#include "server/users/acl_text.h"

#include <algorithm>

#include "server/users/acl_rules.h"

namespace ringkv::server {
namespace {

void AppendWord(std::string* text, std::string_view word) {
  if (!text->empty()) *text += ' ';
  *text += word;
}

// How far a category fits to what is permitted (or, of a user who starts with all, denied) so far.
struct Fit {
  const AclCategory* category = nullptr;
  size_t different = SIZE_MAX;
  size_t same = 0;

  bool IsBetterThan(const Fit& other) const {
    return same > different && (different < other.different || (different == other.different && same > other.same));
  }
};

// The categories that describe the selector best, each taken for what the ones before have left.
class CategorySearch {
 public:
  CategorySearch(const AclCategories& categories, const Selector& selector)
      : categories_(categories), left_(selector), adds_(!selector.has_future_commands) {}

  const AclCategory* Next() {
    Fit best;
    for (const AclCategory& category : categories_.all()) {
      if (std::find(taken_.begin(), taken_.end(), &category) != taken_.end()) continue;
      const size_t permitted = (left_.commands & category.own).count();
      const size_t denied = category.own.count() - permitted;
      const Fit fit{.category = &category, .different = adds_ ? denied : permitted, .same = adds_ ? permitted : denied};
      if (fit.IsBetterThan(best)) best = fit;
    }
    if (best.category == nullptr) return nullptr;
    taken_.push_back(best.category);
    SetCategory(*best.category, !adds_, left_);
    return best.category;
  }

 private:
  const AclCategories& categories_;
  Selector left_;
  const bool adds_;
  std::vector<const AclCategory*> taken_;
};

// Appends the rule that corrects a command, if it differs.
void AppendDifference(const CommandEntry& entry, const Selector& wanted, Selector& described, std::string* text) {
  const bool allowed = wanted.commands.test(entry.index);
  if (described.commands.test(entry.index) == allowed) return;
  AppendWord(text, (allowed ? "+" : "-") + entry.full_name);
  SetCommand(entry, allowed, described);
}

// A container comes before its subcommands.
std::vector<const CommandEntry*> SortedByName(const CommandTable& commands) {
  std::vector<const CommandEntry*> entries;
  for (size_t i = 0; i < commands.size(); ++i) entries.push_back(&commands.entry(i));
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->full_name < b->full_name; });
  return entries;
}

void AppendSelector(const AclCategories& categories, const Selector& selector, std::string* text) {
  if (const std::string keys = DescribeKeys(selector); !keys.empty()) AppendWord(text, keys);
  if (!selector.has_all_channels) AppendWord(text, "resetchannels");
  if (const std::string channels = DescribeChannels(selector); !channels.empty()) AppendWord(text, channels);
  AppendWord(text, DescribeCommands(categories, selector));
}

}  // namespace

std::vector<std::string_view> DescribeFlags(const Permissions& user) {
  std::vector<std::string_view> flags{user.is_enabled ? "on" : "off"};
  if (user.needs_no_password) flags.push_back("nopass");
  if (user.payload_checks == PayloadChecks::kSkipped) flags.push_back("skip-sanitize-payload");
  if (user.payload_checks == PayloadChecks::kDone) flags.push_back("sanitize-payload");
  return flags;
}

std::string DescribeCommands(const AclCategories& categories, const Selector& selector) {
  const bool adds = !selector.has_future_commands;
  std::string text = adds ? "-@all" : "+@all";
  Selector described;
  SetAllCommands(!adds, described);
  CategorySearch search(categories, selector);
  while (const AclCategory* category = search.Next()) {
    AppendWord(&text, (adds ? "+@" : "-@") + std::string(category->name));
    SetCategory(*category, adds, described);
  }
  for (const CommandEntry* entry : SortedByName(categories.commands())) {
    AppendDifference(*entry, selector, described, &text);
    const auto arguments = selector.first_arguments.find(entry->index);
    if (arguments == selector.first_arguments.end() || selector.commands.test(entry->index)) continue;
    for (const std::string& argument : arguments->second) AppendWord(&text, "+" + entry->full_name + "|" + argument);
  }
  return text;
}

std::string DescribeKeys(const Selector& selector) {
  if (selector.has_all_keys) return "~*";
  std::string text;
  for (const KeyRule& rule : selector.keys.all()) {
    const char* const prefix = rule.access == kReadsKey ? "%R~" : rule.access == kWritesKey ? "%W~" : "~";
    AppendWord(&text, prefix + rule.pattern.text());
  }
  return text;
}

std::string DescribeChannels(const Selector& selector) {
  if (selector.has_all_channels) return "&*";
  std::string text;
  for (const AclPattern& channel : selector.channels) AppendWord(&text, "&" + channel.text());
  return text;
}

std::string DescribePermissions(const AclCategories& categories, const Permissions& user) {
  std::string text;
  for (const std::string_view flag : DescribeFlags(user)) AppendWord(&text, flag);
  for (const std::string& password : user.passwords) AppendWord(&text, "#" + password);
  AppendSelector(categories, user.root, &text);
  for (const Selector& selector : user.more) {
    std::string rules;
    AppendSelector(categories, selector, &rules);
    AppendWord(&text, "(" + rules + ")");
  }
  return text;
}

std::string DescribeUser(const AclCategories& categories, const NamedUser& user) {
  return "user " + user.name + " " + DescribePermissions(categories, *user.permissions);
}

}  // namespace ringkv::server
