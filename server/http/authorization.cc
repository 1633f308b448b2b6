// SPDX-License-Identifier: MIT
#include "server/http/authorization.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/base/text.h"
#include "server/http/json.h"
#include "server/users/password.h"

namespace ringkv::server::http {

bool IsAuthorized(std::string_view value, std::string_view password) {
  if (password.empty()) return true;
  const size_t blank = std::min(value.find(' '), value.size());
  const std::string_view scheme = value.substr(0, blank);
  std::string_view given = value.substr(std::min(value.find_first_not_of(' ', blank), value.size()));
  if (EqualsIgnoringCase(scheme, "bearer")) return PasswordsEqual(given, password);
  if (!EqualsIgnoringCase(scheme, "basic")) return false;
  const std::optional<std::string> decoded = DecodeBase64(given);
  if (!decoded) return false;
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return false;
  const std::string_view user = std::string_view(*decoded).substr(0, colon);
  return user == kOnlyUser && PasswordsEqual(std::string_view(*decoded).substr(colon + 1), password);
}

}  // namespace ringkv::server::http
