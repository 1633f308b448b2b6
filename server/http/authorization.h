// SPDX-License-Identifier: MIT
// Checks the Authorization header.
#pragma once

#include <string_view>

namespace ringkv::server::http {

// `value`: the value of the header: Bearer with the password, or Basic with the password and the user "default" or none
// (RFC 6750, RFC 7617). Without a configured password every request is authorized.
bool IsAuthorized(std::string_view value, std::string_view password);

}  // namespace ringkv::server::http
