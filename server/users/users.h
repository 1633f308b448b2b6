// SPDX-License-Identifier: MIT
// The users of a server, by name. There is always one named `default`, whom new connections are.
//
// Threads: guarded. A user's permissions are immutable values that change as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/users/acl_categories.h"
#include "server/users/acl_rules.h"
#include "server/users/permissions.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Who a connection is. It stays the same while the permissions change. Once it is removed it has none: a later user of
// the same name is another one.
class UserAccount {
 public:
  UserAccount(uint64_t id, std::string name, std::shared_ptr<const Permissions> permissions)
      : id_(id), name_(std::move(name)), permissions_(std::move(permissions)) {}

  uint64_t id() const { return id_; }  // of no other one, also of those that are removed; not 0
  const std::string& name() const { return name_; }
  std::shared_ptr<const Permissions> permissions() const {
    storage::MutexLock lock(mutex_);
    return permissions_;
  }

  // Users that know this one must be told of a change: see Users::version.
  void Set(std::shared_ptr<const Permissions> permissions) {
    storage::MutexLock lock(mutex_);
    permissions_ = std::move(permissions);
  }

 private:
  const uint64_t id_;
  const std::string name_;
  mutable storage::Mutex mutex_;
  std::shared_ptr<const Permissions> permissions_ GUARDED_BY(mutex_);
};

struct NamedUser {
  std::string name;
  std::shared_ptr<const Permissions> permissions;
};

class Users {
 public:
  // `commands` must outlive it. There is one user, `default`, who may do everything and needs no password.
  explicit Users(const CommandTable& commands);

  // What new users, and those that are reset, may do with channels.
  void set_channels(ChannelDefault channels) { channels_.store(channels, std::memory_order_relaxed); }
  // Whether there may be anyone who may not do everything: users have been changed. It is said before the first change
  // can be seen, and stays: connections of removed users may still be there.
  bool may_be_restricted() const { return may_be_restricted_.load(std::memory_order_acquire); }
  // Called when that has become true, under no lock. Set before threads run.
  void set_on_restricted(std::function<void()> on_restricted) { on_restricted_ = std::move(on_restricted); }

  // Grows with each change of any user.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  std::shared_ptr<UserAccount> Find(std::string_view name) const;
  std::shared_ptr<UserAccount> default_user() const { return default_user_; }
  // The user, if he is enabled and has this password, or needs none; else null.
  std::shared_ptr<UserAccount> Authenticate(std::string_view name, std::string_view password) const;
  // By name.
  std::vector<NamedUser> All() const;
  // By id.
  std::map<uint64_t, std::shared_ptr<const Permissions>> AllById() const;

  // Applies rules to a user, who is made if there is none; all of them or, with an error, none. The text says which
  // rule is wrong and why, as ACL SETUSER does.
  std::optional<std::string> Set(std::string_view name, std::span<const std::string> rules);
  // The permissions that a line `user` describes. The text says what is wrong with which user.
  storage::Result<Permissions> Parse(const std::string& name, std::span<const std::string> rules) const;
  // Makes the user, or replaces his permissions.
  void Put(NamedUser user);
  // `default` stays. False if there is no such user.
  bool Remove(std::string_view name);
  // Replaces all users. `default` becomes unrestricted if it is not among them; all others are removed, and made again.
  void Replace(std::vector<NamedUser> all);
  // The only password of `default`; empty: he needs none. Leaves his permissions.
  void SetDefaultPassword(std::string_view password);

  const AclCategories& categories() const { return categories_; }
  AclRules rules() const { return {categories_, channels_.load(std::memory_order_relaxed)}; }

 private:
  std::shared_ptr<UserAccount> FindLocked(std::string_view name) const REQUIRES(mutex_);
  std::shared_ptr<UserAccount> MakeAccount(const std::string& name, std::shared_ptr<const Permissions> permissions)
      REQUIRES(mutex_);
  std::optional<std::string> SetLocked(std::string_view name, std::span<const std::string> rules) REQUIRES(mutex_);
  void PutLocked(NamedUser user) REQUIRES(mutex_);
  static void Revoke(UserAccount& account);
  void NoteRestricted();

  const AclCategories categories_;
  std::atomic<ChannelDefault> channels_{ChannelDefault::kNone};
  const std::shared_ptr<UserAccount> default_user_;
  mutable storage::Mutex mutex_;
  std::map<std::string, std::shared_ptr<UserAccount>, std::less<>> accounts_ GUARDED_BY(mutex_);
  uint64_t last_id_ GUARDED_BY(mutex_);
  std::atomic<uint64_t> version_{1};
  std::atomic<bool> may_be_restricted_{false};
  std::function<void()> on_restricted_ = [] {};
};

// Whether a name can stand in a file: no blanks and no NUL bytes.
bool IsUserName(std::string_view name);

}  // namespace ringkv::server
