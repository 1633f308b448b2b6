// SPDX-License-Identifier: MIT
#include "server/users/users.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "server/users/password.h"

namespace ringkv::server {

bool IsUserName(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](unsigned char c) { return std::isspace(c) != 0 || c == '\0'; });
}

namespace {

constexpr uint64_t kDefaultUserId = 1;

}  // namespace

Users::Users(const CommandTable& commands)
    : categories_(commands),
      default_user_(std::make_shared<UserAccount>(kDefaultUserId, std::string(kDefaultUser),
                                                  std::make_shared<Permissions>(rules().UnrestrictedUser()))),
      last_id_(kDefaultUserId) {
  storage::MutexLock lock(mutex_);
  accounts_.emplace(kDefaultUser, default_user_);
}

std::shared_ptr<UserAccount> Users::FindLocked(std::string_view name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : found->second;
}

std::shared_ptr<UserAccount> Users::MakeAccount(const std::string& name,
                                                std::shared_ptr<const Permissions> permissions) {
  return std::make_shared<UserAccount>(++last_id_, name, std::move(permissions));
}

std::shared_ptr<UserAccount> Users::Find(std::string_view name) const {
  storage::MutexLock lock(mutex_);
  return FindLocked(name);
}

std::shared_ptr<UserAccount> Users::Authenticate(std::string_view name, std::string_view password) const {
  // The work is the same for a name that doesn't exist: an answer's time tells nothing.
  const std::string hash = HashOfPassword(password);
  std::shared_ptr<UserAccount> account = Find(name);
  if (account == nullptr) return nullptr;
  const std::shared_ptr<const Permissions> permissions = account->permissions();
  bool is_right = permissions->needs_no_password;
  for (const std::string& expected : permissions->passwords) is_right |= SecretsEqual(hash, expected);
  return is_right && permissions->is_enabled ? account : nullptr;
}

std::vector<NamedUser> Users::All() const {
  storage::MutexLock lock(mutex_);
  std::vector<NamedUser> all;
  for (const auto& [name, account] : accounts_) all.push_back({name, account->permissions()});
  return all;
}

std::map<uint64_t, std::shared_ptr<const Permissions>> Users::AllById() const {
  storage::MutexLock lock(mutex_);
  std::map<uint64_t, std::shared_ptr<const Permissions>> all;
  for (const auto& [name, account] : accounts_) all.emplace(account->id(), account->permissions());
  return all;
}

// Connections of a user who has been removed are about to be closed, and may do nothing meanwhile.
void Users::Revoke(UserAccount& account) { account.Set(std::make_shared<const Permissions>()); }

void Users::NoteRestricted() {
  may_be_restricted_.store(true, std::memory_order_release);
  on_restricted_();
}

std::optional<std::string> Users::SetLocked(std::string_view name, std::span<const std::string> rules_of_user) {
  const std::shared_ptr<UserAccount> account = FindLocked(name);
  Permissions changed = account != nullptr ? *account->permissions() : rules().NewUser();
  for (const std::string& rule : rules_of_user) {
    if (const std::optional<RuleError> error = rules().Apply(rule, changed)) {
      return "Error in ACL SETUSER modifier '" + rule + "': " + error->text;
    }
  }
  PutLocked({std::string(name), std::make_shared<const Permissions>(std::move(changed))});
  return std::nullopt;
}

void Users::PutLocked(NamedUser user) {
  if (const std::shared_ptr<UserAccount> account = FindLocked(user.name)) {
    account->Set(std::move(user.permissions));
  } else {
    accounts_.emplace(user.name, MakeAccount(user.name, std::move(user.permissions)));
  }
  version_.fetch_add(1, std::memory_order_release);
}

std::optional<std::string> Users::Set(std::string_view name, std::span<const std::string> rules_of_user) {
  NoteRestricted();
  storage::MutexLock lock(mutex_);
  return SetLocked(name, rules_of_user);
}

storage::Result<Permissions> Users::Parse(const std::string& name, std::span<const std::string> line) const {
  const std::string start = "user '" + name + "': ";
  if (!IsUserName(name)) return storage::Fail(start + "a name has no blanks and no NUL bytes");
  const std::vector<std::string_view> words(line.begin(), line.end());
  const JoinedRules joined = JoinSelectors(words);
  if (joined.unmatched) return storage::Fail(start + "a selector has no closing parenthesis");
  Permissions permissions = rules().NewUser();
  // As in Redis, its line begins with what `reset` leaves.
  if (name == kDefaultUser) static_cast<void>(rules().Apply("reset", permissions));
  for (const std::string& rule : joined.rules) {
    const std::optional<RuleError> error = rules().Apply(rule, permissions);
    if (!error) continue;
    return storage::Fail(start + (error->is_unknown_command ? "'" + rule + "': " : "") + error->text);
  }
  return permissions;
}

void Users::Put(NamedUser user) {
  NoteRestricted();
  storage::MutexLock lock(mutex_);
  PutLocked(std::move(user));
}

bool Users::Remove(std::string_view name) {
  storage::MutexLock lock(mutex_);
  const auto found = accounts_.find(name);
  if (found == accounts_.end() || found->second == default_user_) return false;
  Revoke(*found->second);
  accounts_.erase(found);
  version_.fetch_add(1, std::memory_order_release);
  return true;
}

void Users::Replace(std::vector<NamedUser> all) {
  NoteRestricted();
  storage::MutexLock lock(mutex_);
  for (const auto& [name, account] : accounts_) {
    if (account != default_user_) Revoke(*account);
  }
  accounts_.clear();
  accounts_.emplace(kDefaultUser, default_user_);
  const auto is_default = [](const NamedUser& user) { return user.name == kDefaultUser; };
  if (std::none_of(all.begin(), all.end(), is_default)) {
    default_user_->Set(std::make_shared<const Permissions>(rules().UnrestrictedUser()));
  }
  for (NamedUser& user : all) PutLocked(std::move(user));
  version_.fetch_add(1, std::memory_order_release);
}

// A password restricts nobody who has given it, and whether it is needed is asked anyway.
void Users::SetDefaultPassword(std::string_view password) {
  const std::string rule = password.empty() ? "nopass" : ">" + std::string(password);
  const std::string changes[] = {"resetpass", rule};
  storage::MutexLock lock(mutex_);
  SetLocked(kDefaultUser, changes);
}

}  // namespace ringkv::server
