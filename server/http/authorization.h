// SPDX-License-Identifier: MIT
// Who sends a request: the Authorization header.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http/response.h"
#include "server/users/users.h"

namespace ringkv::server::http {

struct Identity {
  std::shared_ptr<UserAccount> user;  // null: nobody, and only open paths are for him
  std::string name;                   // that was given, with a password
  bool has_credentials = false;
};

// `value`: the value of the header: Basic with a user and a password, or Bearer with a password of `default` (RFC
// 7617, RFC 6750). Without either, `default` if he needs no password.
Identity Identify(std::string_view value, const Users& users);

// 401: browsers ask for a user and a password, and send the request again.
Response AskForLogin(std::string_view error);

}  // namespace ringkv::server::http
