// SPDX-License-Identifier: MIT
#include "server/users/users_file.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/users/acl_text.h"
#include "storage/base/blank_words.h"

namespace ringkv::server {
namespace {

std::string_view Trimmed(std::string_view line) {
  constexpr std::string_view kTrimmed = " \t\r\n";
  const size_t start = std::min(line.find_first_not_of(kTrimmed), line.size());
  return line.substr(start, line.find_last_not_of(kTrimmed) + 1 - start);
}

class UsersReader {
 public:
  UsersReader(const std::string& name, const Users& users) : name_(name), users_(users) {}

  void ReadLine(int number, std::span<const std::string_view> words) {
    const std::string place = name_ + ":" + std::to_string(number);
    if (words[0] != "user" || words.size() < 2) {
      errors_ += place + " should start with user keyword followed by the username. ";
    } else if (!IsUserName(words[1])) {
      errors_ += "'" + place + ": username '" + std::string(words[1]) + "' contains invalid characters. ";
    } else if (IsKnown(words[1])) {
      errors_ +=
          "WARNING: Duplicate user '" + std::string(words[1]) + "' found on line " + std::to_string(number) + ". ";
    } else {
      ReadRules(place, words[1], words.subspan(2));
    }
  }

  storage::Result<std::vector<NamedUser>> Take() {
    if (errors_.empty()) return std::move(all_);
    return storage::Fail(errors_ +
                         "WARNING: ACL errors detected, no change to the previously active ACL rules was "
                         "performed");
  }

 private:
  bool IsKnown(std::string_view user) const {
    return std::any_of(all_.begin(), all_.end(), [&](const NamedUser& each) { return each.name == user; });
  }

  // All unknown commands are named, and else the first thing that is wrong: no one's passwords.
  void ReadRules(const std::string& place, std::string_view user, std::span<const std::string_view> words) {
    const AclRules rules = users_.rules();
    Permissions permissions = rules.NewUser();
    const JoinedRules joined = JoinSelectors(words);
    if (joined.unmatched) errors_ += place + ": Unmatched parenthesis in selector definition.";
    bool has_mistake = false;
    for (const std::string& rule : joined.rules) {
      const std::optional<RuleError> error = rules.Apply(rule, permissions);
      if (!error) continue;
      if (error->is_unknown_command) {
        errors_ += place + ": Error in applying operation '" + rule + "': " + error->text + ". ";
      } else if (!std::exchange(has_mistake, true)) {
        errors_ += place + ": " + error->text + ". ";
      }
    }
    all_.push_back({std::string(user), std::make_shared<const Permissions>(std::move(permissions))});
  }

  const std::string& name_;
  const Users& users_;
  std::vector<NamedUser> all_;
  std::string errors_;
};

}  // namespace

storage::Result<std::vector<NamedUser>> ReadUsers(std::string_view text, const std::string& name, const Users& users) {
  UsersReader reader(name, users);
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = storage::SplitAtBlanks(Trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words.empty()) reader.ReadLine(number, words);
  }
  return reader.Take();
}

std::string WriteUsers(const Users& users) {
  std::string text;
  for (const NamedUser& user : users.All()) text += DescribeUser(users.categories(), user) + "\n";
  return text;
}

}  // namespace ringkv::server
