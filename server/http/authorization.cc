// SPDX-License-Identifier: MIT
#include "server/http/authorization.h"

#include <algorithm>
#include <optional>

#include "server/base/text.h"
#include "server/users/password.h"
#include "storage/base/base64.h"

namespace ringkv::server::http {
namespace {

struct Credentials {
  std::string name;
  std::string password;
};

// None if the header says nothing that can be understood.
std::optional<Credentials> ReadCredentials(std::string_view value) {
  const size_t blank = std::min(value.find(' '), value.size());
  const std::string_view scheme = value.substr(0, blank);
  const std::string_view given = value.substr(std::min(value.find_first_not_of(' ', blank), value.size()));
  if (EqualsIgnoringCase(scheme, "bearer")) return Credentials{std::string(kDefaultUser), std::string(given)};
  if (!EqualsIgnoringCase(scheme, "basic")) return std::nullopt;
  const std::optional<std::string> decoded = storage::DecodeBase64(given);
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace

Identity Identify(std::string_view value, const Users& users) {
  if (const std::optional<Credentials> given = ReadCredentials(value)) {
    return {.user = users.Authenticate(given->name, given->password), .name = given->name, .has_credentials = true};
  }
  const std::shared_ptr<const Permissions> permissions = users.default_user()->permissions();
  const bool is_free = permissions->needs_no_password && permissions->is_enabled;
  return {.user = is_free ? users.default_user() : nullptr, .name = {}, .has_credentials = false};
}

Response AskForLogin(std::string_view error) {
  Response response = ErrorResponse(401, error);
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"ringkv\", charset=\"UTF-8\"");
  return response;
}

}  // namespace ringkv::server::http
