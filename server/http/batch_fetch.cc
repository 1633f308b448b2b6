// SPDX-License-Identifier: MIT
#include "server/http/batch_fetch.h"

#include <algorithm>
#include <memory>

#include "server/http/computing_cost.h"
#include "server/http/exchange.h"
#include "server/http/json.h"

namespace ringkv::server::http {
namespace {

constexpr size_t kMostKeysAStep = 100;
// A step of long values would take a connection's turn, and more.
constexpr size_t kLongStepBytes = 256 * 1024;

struct Fetch {
  std::vector<std::string> keys;
  std::function<void(std::vector<std::string>)> then;
  bool one_by_one;
  size_t asked = 0;
  size_t keys_a_step = 10;
  std::vector<std::string> json = {};
  size_t json_bytes = 0;
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
  constexpr size_t kFrames = 4096 + (kMostKeysAStep + 1) * sizeof(resp::Reply);  // besides the texts; or an error
  const size_t most = MostBytes(exchange);
  exchange.LimitReply(most - fetch.json_bytes + kFrames, TooLong(most));
}

// Ends above `most` bytes: the rest is not needed then.
std::string ValuesInJson(const std::vector<resp::Reply>& values, bool are_first, size_t most) {
  size_t bytes = 0;
  for (const resp::Reply& value : values) bytes += value.text.size() + sizeof(",null");
  std::string json;
  json.reserve(std::min(bytes, most));
  for (const resp::Reply& value : values) {
    if (json.size() > most) break;
    if (!are_first || !json.empty()) json += ',';
    json += value.kind == resp::ReplyKind::kText ? ToJson(value.text) : "null";
  }
  return json;
}

void Take(Exchange& exchange, const SharedFetch& fetch, std::vector<resp::Reply> values) {
  size_t bytes = 0;
  for (const resp::Reply& value : values) bytes += value.text.size() + sizeof("null,");
  if (bytes > kLongStepBytes) fetch->keys_a_step = std::max<size_t>(fetch->keys_a_step / 4, 1);
  if (bytes < kLongStepBytes / 4) fetch->keys_a_step = std::min(2 * fetch->keys_a_step, kMostKeysAStep);
  const auto shared = std::make_shared<const std::vector<resp::Reply>>(std::move(values));
  const bool are_first = fetch->json.empty();
  exchange.Compute(JsonCost(bytes), [&exchange, fetch, shared, are_first, most = MostBytes(exchange)] {
    return [&exchange, fetch, json = ValuesInJson(*shared, are_first, most)]() mutable {
      fetch->json_bytes += json.size();
      fetch->json.push_back(std::move(json));
      FetchNext(exchange, fetch);
    };
  });
}

void FetchNext(Exchange& exchange, const SharedFetch& fetch) {
  if (const size_t most = MostBytes(exchange); fetch->json_bytes > most) return exchange.Fail(413, TooLong(most));
  if (fetch->asked == fetch->keys.size()) return fetch->then(std::move(fetch->json));
  if (fetch->one_by_one) {
    exchange.Try({"GET", std::move(fetch->keys[fetch->asked++])},
                 [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, {std::move(reply)}); });
    return LimitReply(exchange, *fetch);
  }
  std::vector<std::string> argv{"MGET"};
  const size_t end = std::min(fetch->asked + fetch->keys_a_step, fetch->keys.size());
  while (fetch->asked < end) argv.push_back(std::move(fetch->keys[fetch->asked++]));
  exchange.Run(std::move(argv),
               [&exchange, fetch](resp::Reply reply) { Take(exchange, fetch, std::move(reply.members)); });
  LimitReply(exchange, *fetch);
}

}  // namespace

void FetchValues(Exchange& exchange, std::vector<std::string> keys, std::function<void(std::vector<std::string>)> then,
                 bool one_by_one) {
  FetchNext(exchange,
            std::make_shared<Fetch>(Fetch{.keys = std::move(keys), .then = std::move(then), .one_by_one = one_by_one}));
}

}  // namespace ringkv::server::http
