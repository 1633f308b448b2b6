// SPDX-License-Identifier: MIT
// Any rules of users must be taken or refused with a text, never crash; what is taken can be described, and makes the
// same user again; any request can be checked against it, and a user without rights has none.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/base/text.h"
#include "server/commands/families.h"
#include "server/users/acl_check.h"
#include "server/users/acl_text.h"
#include "server/users/users.h"
#include "server/users/users_file.h"

namespace {

using namespace ringkv::server;

// What a line of a file can't hold, in redis-server's form either: it shows %RW~* as ~*.
bool CanStandInALine(std::string_view text) {
  if (text.starts_with('%') && text.ends_with("~*")) return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return c <= ' ' || c > '~' || c == '(' || c == ')' || c == '"' || c == '\'' || c == '\\';
  });
}

std::string Describe(const Users& users, const std::string& name) {
  return DescribePermissions(users.categories(), *users.Find(name)->permissions());
}

void CheckRoundTrip(Users& users) {
  const std::string text = Describe(users, "u");
  const auto read = ReadUsers("user again " + text + "\n", "file", users);
  if (!read) std::abort();
  users.Put(read->front());
  if (Describe(users, "again") != text) std::abort();
}

}  // namespace

// The first line: words of a request. The others: a rule each.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CommandTable commands(AllCommands());
  Users users(commands);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t head = std::min(text.find('\n'), size);
  std::vector<std::string> rules;
  for (size_t at = head + 1; at < size;) {
    const size_t end = std::min(text.find('\n', at), size);
    rules.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  const std::vector<std::string_view> words(rules.begin(), rules.end());
  const JoinedRules joined = JoinSelectors(words);
  static_cast<void>(ReadUsers(text, "file", users));
  if (users.Set("u", joined.rules)) {
    if (users.Find("u") != nullptr) std::abort();
    return 0;
  }
  if (std::all_of(rules.begin(), rules.end(), CanStandInALine)) CheckRoundTrip(users);
  const std::vector<std::string_view> argv = Words(text.substr(0, head));
  const CommandEntry* const entry = argv.empty() ? nullptr : commands.Find(argv);
  if (entry == nullptr || entry->row->is_container || !entry->row->ArityFits(argv.size())) return 0;
  const Permissions& user = *users.Find("u")->permissions();
  const bool is_denied = CheckAcl(user, *entry, argv).is_denied();
  if (is_denied && user.AllowAll()) std::abort();
  if (!is_denied && !entry->row->Is(kNoAuth) && CheckAcl({}, *entry, argv).reason != DenialReason::kCommand)
    std::abort();
  static_cast<void>(MayReadAllKeys(user, *entry, argv));
  return 0;
}
