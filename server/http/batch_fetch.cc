// SPDX-License-Identifier: MIT
#include "server/http/batch_fetch.h"

#include <algorithm>
#include <memory>

#include "server/http/computing_cost.h"
#include "server/http/exchange.h"
#include "server/http/json.h"

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

size_t MostBytes(Exchange& exchange) { return static_cast<size_t>(exchange.parts().options.http_max_response_size); }

std::string TooLong(size_t most) {
  return "the values are longer than http-max-response-size allows (" + std::to_string(most) +
         " bytes): ask for fewer keys";
}

// The command's reply may be as long as the rest of the response. A value in JSON is never shorter than its bytes.
void LimitReply(Exchange& exchange, const Fetch& fetch) {
  constexpr size_t kFrames = 4096 + (kKeysAStep + 1) * sizeof(resp::Reply);  // besides the texts; or an error
  const size_t most = MostBytes(exchange);
  exchange.LimitReply(most - fetch.json.size() + kFrames, TooLong(most));
}

// Ends above `most` bytes: the rest is not needed then.
std::string ValuesInJson(const std::vector<resp::Reply>& values, size_t most) {
  std::string json;
  for (const resp::Reply& value : values) {
    if (json.size() > most) break;
    if (&value != &values.front()) json += ',';
    json += value.kind == resp::ReplyKind::kText ? ToJson(value.text) : "null";
  }
  return json;
}

void Take(Exchange& exchange, const SharedFetch& fetch, std::vector<resp::Reply> values) {
  size_t bytes = 0;
  for (const resp::Reply& value : values) bytes += value.text.size() + sizeof("null,");
  const auto shared = std::make_shared<const std::vector<resp::Reply>>(std::move(values));
  exchange.Compute(JsonCost(bytes), [&exchange, fetch, shared, most = MostBytes(exchange)] {
    return [&exchange, fetch, json = ValuesInJson(*shared, most)] {
      if (!fetch->json.empty()) fetch->json += ',';
      fetch->json += json;
      FetchNext(exchange, fetch);
    };
  });
}

void FetchNext(Exchange& exchange, const SharedFetch& fetch) {
  if (const size_t most = MostBytes(exchange); fetch->json.size() > most) return exchange.Fail(413, TooLong(most));
  if (fetch->asked == fetch->keys.size()) return fetch->then(std::move(fetch->json));
  if (fetch->one_by_one) {
    exchange.Try({"GET", std::move(fetch->keys[fetch->asked++])},
                 [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, {std::move(reply)}); });
    return LimitReply(exchange, *fetch);
  }
  std::vector<std::string> argv{"MGET"};
  const size_t end = std::min(fetch->asked + kKeysAStep, fetch->keys.size());
  while (fetch->asked < end) argv.push_back(std::move(fetch->keys[fetch->asked++]));
  exchange.Run(std::move(argv),
               [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, std::move(reply.members)); });
  LimitReply(exchange, *fetch);
}

}  // namespace

void FetchValues(Exchange& exchange, std::vector<std::string> keys, std::function<void(std::string)> then,
                 bool one_by_one) {
  FetchNext(exchange,
            std::make_shared<Fetch>(Fetch{.keys = std::move(keys), .then = std::move(then), .one_by_one = one_by_one}));
}

}  // namespace ringkv::server::http
