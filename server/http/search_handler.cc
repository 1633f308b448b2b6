// SPDX-License-Identifier: MIT
// GET /search: what SCAN MATCH finds by prefix and suffix, from the index of keys where there is one.
#include <algorithm>
#include <memory>

#include "resp/integer_text.h"
#include "server/cluster/cluster_state.h"
#include "server/http/batch_fetch.h"
#include "server/http/computing_cost.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "storage/base/glob.h"

namespace ringkv::server::http {
namespace {

constexpr int64_t kUsualLimit = 100;
// Steps that one request may take: a walk without an index ends somewhere in between, and the cursor says where.
constexpr int kMostSteps = 64;
constexpr size_t kStepKeys = 1000;

struct Walk {
  std::string pattern;
  size_t limit = 0;
  bool with_values = false;
  int steps = 0;
  std::string cursor = "0";
  std::vector<std::string> keys = {};
};
using SharedWalk = std::shared_ptr<Walk>;

std::string KeysInJson(const std::vector<std::string>& keys) {
  std::string json;
  for (const std::string& key : keys) {
    if (&key != &keys.front()) json += ',';
    json += ToJson(key);
  }
  return json;
}

void RespondFound(Exchange& exchange, const SharedWalk& walk, const std::string& keys) {
  const std::string begin = "{\"keys\":[" + keys + "]";
  const std::string end = ",\"cursor\":" + walk->cursor + "}\n";
  if (!walk->with_values) return exchange.Respond({.body = begin + end});
  FetchValues(
      exchange, std::move(walk->keys),
      [&exchange, begin, end](std::vector<std::string> values) {
        values.push_back("]" + end);
        exchange.Respond({.body = begin + ",\"values\":[", .pieces = std::move(values)});
      },
      exchange.parts().cluster.is_enabled());
}

void Finish(Exchange& exchange, const SharedWalk& walk) {
  size_t bytes = 0;
  for (const std::string& key : walk->keys) bytes += key.size();
  exchange.Compute(JsonCost(bytes), [&exchange, walk] {
    return [&exchange, walk, keys = KeysInJson(walk->keys)] { RespondFound(exchange, walk, keys); };
  });
}

void Step(Exchange& exchange, const SharedWalk& walk) {
  const size_t missing = walk->limit - walk->keys.size();
  const std::string count = std::to_string(std::min(missing, kStepKeys));
  exchange.Run({"SCAN", walk->cursor, "MATCH", walk->pattern, "COUNT", count}, [&exchange, walk](resp::Reply reply) {
    walk->cursor = reply.members[0].text;
    for (resp::Reply& key : reply.members[1].members) walk->keys.push_back(std::move(key.text));
    const bool goes_on = walk->cursor != "0" && walk->keys.size() < walk->limit && ++walk->steps < kMostSteps;
    if (goes_on) return Step(exchange, walk);
    Finish(exchange, walk);
  });
}

}  // namespace

void Search(Exchange& exchange) {
  const Fields& query = exchange.target().query;
  const auto text_of = [&](std::string_view name) {
    const std::string* found = query.Find(name);
    return found == nullptr ? std::string() : *found;
  };
  auto walk = std::make_shared<Walk>();
  walk->pattern = storage::GlobLiteral(text_of("prefix")) + "*" + storage::GlobLiteral(text_of("suffix"));
  const std::string limit_text = text_of("limit");
  const std::optional<int64_t> limit = limit_text.empty() ? kUsualLimit : resp::ParseInteger(limit_text);
  const int64_t most = exchange.parts().options.http_max_search_keys;
  if (!limit || *limit <= 0 || *limit > most) {
    return exchange.Fail(400, "limit is a number from 1 to " + std::to_string(most) + " (http-max-search-keys)");
  }
  walk->limit = static_cast<size_t>(*limit);
  if (const std::string cursor = text_of("cursor"); !cursor.empty()) {
    if (!resp::ParseUnsigned(cursor)) return exchange.Fail(400, "cursor is the number that the last search gave");
    walk->cursor = cursor;
  }
  const std::string values = text_of("values");
  if (!values.empty() && values != "0" && values != "1") return exchange.Fail(400, "values is 0 or 1");
  walk->with_values = values == "1";
  Step(exchange, walk);
}

}  // namespace ringkv::server::http
