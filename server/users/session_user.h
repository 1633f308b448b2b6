// SPDX-License-Identifier: MIT
// Who a session is, and his permissions as the session knows them.
//
// Threads: confined to the session's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "server/users/users.h"

namespace ringkv::server {

class SessionUser {
 public:
  void Set(std::shared_ptr<UserAccount> account) {
    account_ = std::move(account);
    version_ = 0;
  }
  const std::shared_ptr<UserAccount>& account() const { return account_; }
  // Empty for a session of another server, whose requests are not asked for permissions.
  std::string_view name() const { return account_ == nullptr ? std::string_view() : account_->name(); }

  // His permissions now; they stay valid until the next call. There must be a user.
  const Permissions& Current(const Users& users) {
    const uint64_t version = users.version();  // first: a change in between makes the next call look again
    if (version_ != version) [[unlikely]]
      Look(version);
    return *permissions_;
  }

 private:
  [[gnu::noinline]] void Look(uint64_t version) {
    version_ = version;
    permissions_ = account_->permissions();
  }

  std::shared_ptr<UserAccount> account_;
  std::shared_ptr<const Permissions> permissions_;
  uint64_t version_ = 0;  // of the users, when the permissions were looked at
};

}  // namespace ringkv::server
