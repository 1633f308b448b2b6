// SPDX-License-Identifier: MIT
// GET /console/keys: a part of the tree of keys, or of those that fit a pattern, from the index of keys where there is
// one. In a cluster: the keys of this node.
#include <initializer_list>
#include <memory>

#include "resp/integer_text.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/key_tree.h"
#include "server/users/acl_categories.h"
#include "server/users/acl_check.h"
#include "server/users/users.h"
#include "storage/base/glob.h"
#include "storage/index/key_pattern.h"
#include "storage/transaction/search.h"

namespace ringkv::server::http {
namespace {

// What a connection's turn allows: keys, and bytes of their names.
constexpr size_t kKeysAPart = 2000;
constexpr size_t kKeyBytesAPart = 256 * 1024;
constexpr size_t kKeysAStep = 250;  // between two looks at the bytes
constexpr size_t kLongestPattern = KeyTree::kLongestName;

// What the commands that tell the same would tell the user.
class DetailRights {
 public:
  DetailRights(const HttpParts& parts, const Permissions& user) : user_(user), parts_(parts) {}

  KeyTree::Details Of(std::string_view key) const {
    if (user_.AllowAll()) return {};
    return {.type = May(type_, {"type", key}),
            .bytes = May(memory_usage_, {"memory", "usage", key}),
            .ttl = May(pttl_, {"pttl", key})};
  }

 private:
  bool May(const CommandEntry* entry, std::initializer_list<std::string_view> argv) const {
    return entry != nullptr && !CheckAcl(user_, *entry, {argv.begin(), argv.size()}).is_denied();
  }
  const CommandEntry* Named(std::string_view name) const { return parts_.users.categories().Command(name); }

  const Permissions& user_;
  const HttpParts& parts_;
  const CommandEntry* const type_ = Named("type");
  const CommandEntry* const memory_usage_ = Named("memory|usage");
  const CommandEntry* const pttl_ = Named("pttl");
};

}  // namespace

void ShowKeyTree(Exchange& exchange) {
  const Fields& query = exchange.target().query;
  const auto text_of = [&](std::string_view name) {
    const std::string* found = query.Find(name);
    return found == nullptr ? std::string() : *found;
  };
  const std::string prefix = text_of("prefix");
  const std::string* given = query.Find("pattern");
  if (given != nullptr && query.Find("prefix") != nullptr) {
    return exchange.Fail(400, "at most one of prefix and pattern may be given");
  }
  if (prefix.size() > kLongestPattern || (given != nullptr && given->size() > kLongestPattern)) {
    return exchange.Fail(400, "a prefix or pattern has at most " + std::to_string(kLongestPattern) + " bytes");
  }
  const std::string cursor_text = text_of("cursor");
  const std::optional<uint64_t> cursor = cursor_text.empty() ? 0 : resp::ParseUnsigned(cursor_text);
  if (!cursor) return exchange.Fail(400, "cursor is the number that the last part gave");
  const std::string pattern = given != nullptr ? *given : storage::GlobLiteral(prefix) + "*";
  storage::Txn& txn = exchange.txn();
  const int64_t now_ms = txn.now();
  KeyTree tree(prefix, text_of("separator"));
  const std::shared_ptr<const Permissions> permissions = exchange.target().user->permissions();
  if (permissions == nullptr) return exchange.Fail(403, "this user was removed");
  const DetailRights rights(exchange.parts(), *permissions);
  size_t seen = 0;
  size_t seen_bytes = 0;
  size_t visited = 0;
  const auto visit = [&](const storage::Entry& entry) {
    ++seen;
    seen_bytes += entry.key().size();
    if (!storage::GlobMatches(pattern, entry.key())) return;
    ++visited;
    tree.Add(entry, rights.Of(entry.key()), now_ms);
  };
  const storage::KeyPattern wanted = storage::ParseKeyPattern(pattern);
  uint64_t next = *cursor;
  do {
    const size_t seen_before = seen;
    next = storage::Search(txn, exchange.target().db, wanted, next, kKeysAStep, visit);
    if (seen - seen_before < kKeysAStep / 2) break;  // much was held by others: they get a turn
  } while (next != 0 && seen + kKeysAStep <= kKeysAPart && seen_bytes < kKeyBytesAPart);
  exchange.Respond({.headers = {{"Cache-Control", "no-store"}},
                    .body = "{" + tree.Json() + ",\"visited\":" + std::to_string(visited) + ",\"cursor\":\"" +
                            std::to_string(next) + "\"}\n"});
}

}  // namespace ringkv::server::http
