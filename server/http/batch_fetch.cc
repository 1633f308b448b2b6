// SPDX-License-Identifier: MIT
#include "server/http/batch_fetch.h"

#include <algorithm>
#include <memory>

#include "server/http/computing_cost.h"
#include "server/http/exchange.h"
#include "server/http/json.h"
#include "server/server.h"

namespace ringkv::server::http {
namespace {

constexpr size_t kKeysAStep = 100;

struct Fetch {
  std::vector<std::string> keys;
  std::function<void(std::string)> then;
  bool one_by_one;
  size_t asked = 0;
  std::string json = {};
};
using SharedFetch = std::shared_ptr<Fetch>;

void FetchNext(Exchange& exchange, const SharedFetch& fetch);

std::string ValuesInJson(const std::vector<resp::Reply>& values) {
  std::string json;
  for (const resp::Reply& value : values) {
    if (&value != &values.front()) json += ',';
    json += value.kind == resp::ReplyKind::kText ? ToJson(value.text) : "null";
  }
  return json;
}

void Take(Exchange& exchange, const SharedFetch& fetch, std::vector<resp::Reply> values) {
  size_t bytes = 0;
  for (const resp::Reply& value : values) bytes += value.text.size() + sizeof("null,");
  const auto shared = std::make_shared<const std::vector<resp::Reply>>(std::move(values));
  exchange.Compute(JsonCost(bytes), [&exchange, fetch, shared] {
    return [&exchange, fetch, json = ValuesInJson(*shared)] {
      if (!fetch->json.empty()) fetch->json += ',';
      fetch->json += json;
      FetchNext(exchange, fetch);
    };
  });
}

void FetchNext(Exchange& exchange, const SharedFetch& fetch) {
  if (fetch->asked == fetch->keys.size()) return fetch->then(std::move(fetch->json));
  const int64_t most = exchange.server().options().http_max_response_size;
  if (fetch->json.size() > static_cast<size_t>(most)) {
    return exchange.Fail(413, "the values are longer than http-max-response-size allows (" + std::to_string(most) +
                                  " bytes): ask for fewer keys");
  }
  if (fetch->one_by_one) {
    return exchange.Try({"GET", std::move(fetch->keys[fetch->asked++])},
                        [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, {std::move(reply)}); });
  }
  std::vector<std::string> argv{"MGET"};
  const size_t end = std::min(fetch->asked + kKeysAStep, fetch->keys.size());
  while (fetch->asked < end) argv.push_back(std::move(fetch->keys[fetch->asked++]));
  exchange.Run(std::move(argv),
               [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, std::move(reply.members)); });
}

}  // namespace

void FetchValues(Exchange& exchange, std::vector<std::string> keys, std::function<void(std::string)> then,
                 bool one_by_one) {
  FetchNext(exchange,
            std::make_shared<Fetch>(Fetch{.keys = std::move(keys), .then = std::move(then), .one_by_one = one_by_one}));
}

}  // namespace ringkv::server::http
