// SPDX-License-Identifier: MIT
// Whether a request may do what it asks for, by its Authorization line.
#pragma once

#include <string_view>

namespace ringkv::server::http {

// `value`: what stands behind "Authorization:": Bearer with the password, or Basic with the user "default", or none,
// and the password (RFC 6750, RFC 7617). Everybody may without a password.
bool IsAuthorized(std::string_view value, std::string_view password);

}  // namespace ringkv::server::http
