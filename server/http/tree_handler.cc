// SPDX-License-Identifier: MIT
// GET /console/keys: a part of the tree of keys, or of those that fit a pattern, from the index of keys where there is
// one. In a cluster: the keys of this node.
#include "resp/integer_text.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/key_tree.h"
#include "storage/base/glob.h"
#include "storage/index/key_pattern.h"
#include "storage/transaction/search.h"

namespace ringkv::server::http {
namespace {

// What a connection's turn allows.
constexpr size_t kKeysAPart = 2000;
constexpr size_t kLongestPattern = 4096;

// What means itself in a pattern.
std::string LiteralPattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

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
  const std::string pattern = given != nullptr ? *given : LiteralPattern(prefix) + "*";
  storage::Txn& txn = exchange.txn();
  const int64_t now_ms = txn.now();
  KeyTree tree(prefix, text_of("separator"));
  size_t visited = 0;
  const uint64_t next = storage::Search(txn, exchange.target().db, storage::ParseKeyPattern(pattern), *cursor,
                                        kKeysAPart, [&](const storage::Entry& entry) {
                                          if (!storage::GlobMatches(pattern, entry.key())) return;
                                          ++visited;
                                          tree.Add(entry, now_ms);
                                        });
  exchange.Respond({.headers = {{"Cache-Control", "no-store"}},
                    .body = "{" + tree.Json() + ",\"visited\":" + std::to_string(visited) + ",\"cursor\":\"" +
                            std::to_string(next) + "\"}\n"});
}

}  // namespace ringkv::server::http
