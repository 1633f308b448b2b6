// SPDX-License-Identifier: MIT
// Keys and values in JSON bodies, and in forms.
#include <nlohmann/json.hpp>

#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "server/http/lifetime.h"

namespace ringkv::server::http {
namespace {

using nlohmann::json;

constexpr std::string_view kBadText = R"(a key or value is a string, a number, or {"base64": "..."} for any bytes)";

struct Item {
  std::string key;
  std::string value;
  std::optional<std::string> ttl;  // seconds
};

// An error is what is wrong with the body.
storage::Result<Item> ItemFromJson(const json& object) {
  if (!object.is_object() || !object.contains("key") || !object.contains("value")) {
    return storage::Fail(R"(an item is an object {"key": ..., "value": ...} with, if it is to expire, "ttl": seconds)");
  }
  Item item;
  for (const auto& [name, value] : object.items()) {
    std::optional<std::string> bytes = BytesFromJson(value);
    if (name == "ttl" && value.is_null()) continue;
    if (!bytes) return storage::Fail(std::string(kBadText));
    if (name == "key") {
      item.key = std::move(*bytes);
    } else if (name == "value") {
      item.value = std::move(*bytes);
    } else if (name == "ttl") {
      item.ttl = std::move(*bytes);
    } else {
      return storage::Fail("'" + name + "' is unknown here; an item has key, value, ttl");
    }
  }
  return item;
}

storage::Result<Item> ItemFromForm(std::string_view body) {
  const std::optional<Fields> fields = Fields::Parse(body);
  if (!fields) return storage::Fail("a % in the form has no two hexadecimal digits behind it");
  if (const std::string* other = fields->FindOther({"key", "value", "ttl"})) {
    return storage::Fail("'" + *other + "' is unknown here; the form has key, value, ttl");
  }
  const std::string* key = fields->Find("key");
  const std::string* value = fields->Find("value");
  if (key == nullptr || value == nullptr) return storage::Fail("the form has no key, or no value");
  const std::string* ttl = fields->Find("ttl");
  return Item{*key, *value, ttl == nullptr || ttl->empty() ? std::nullopt : std::optional(*ttl)};
}

void RespondStored(Exchange& exchange, size_t items) {
  exchange.Respond({.body = "{\"stored\":" + std::to_string(items) + "}\n"});
}

void Store(Exchange& exchange, Item item) {
  std::vector<std::string> argv{"SET", std::move(item.key), std::move(item.value)};
  if (item.ttl && !AppendLifetime(exchange, *item.ttl, &argv)) return;
  exchange.Run(std::move(argv), [&exchange](const resp::Reply&) { RespondStored(exchange, 1); });
}

}  // namespace

void PostSet(Exchange& exchange) {
  const Request& request = exchange.request();
  if (request.content_type.starts_with("application/x-www-form-urlencoded")) {
    storage::Result<Item> item = ItemFromForm(request.body);
    return item ? Store(exchange, std::move(*item)) : exchange.Fail(400, item.error().text);
  }
  const std::optional<json> body = ParseJson(request.body);
  if (!body) return exchange.Fail(400, "the body is no JSON");
  storage::Result<Item> item = ItemFromJson(*body);
  item ? Store(exchange, std::move(*item)) : exchange.Fail(400, item.error().text);
}

void PostSetKey(Exchange& exchange) {
  const std::optional<json> body = ParseJson(exchange.request().body);
  std::optional<std::string> value = body ? BytesFromJson(*body) : std::nullopt;
  if (!value) return exchange.Fail(400, R"(the body is a JSON string, a number, or {"base64": "..."})");
  const std::string* ttl = exchange.target().query.Find("ttl");
  Store(exchange, {exchange.key(), std::move(*value), ttl == nullptr ? std::nullopt : std::optional(*ttl)});
}

void PostMGet(Exchange& exchange) {
  const std::optional<json> body = ParseJson(exchange.request().body);
  if (!body) return exchange.Fail(400, "the body is no JSON");
  const json* keys = body->is_object() && body->size() == 1 && body->contains("keys") ? &(*body)["keys"] : &*body;
  if (!keys->is_array()) return exchange.Fail(400, R"(the body is ["key", ...] or {"keys": ["key", ...]})");
  std::vector<std::string> argv{"MGET"};
  for (const json& each : *keys) {
    std::optional<std::string> key = BytesFromJson(each);
    if (!key) return exchange.Fail(400, kBadText);
    argv.push_back(std::move(*key));
  }
  if (argv.size() == 1) return exchange.Respond({.body = "{\"values\":[]}\n"});
  exchange.Run(std::move(argv), [&exchange](const resp::Reply& reply) {
    std::string text = "{\"values\":[";
    for (const resp::Reply& value : reply.members) {
      if (&value != &reply.members.front()) text += ',';
      text += value.kind == resp::ReplyKind::kNull ? "null" : ToJson(value.text);
    }
    exchange.Respond({.body = text + "]}\n"});
  });
}

void PostMSet(Exchange& exchange) {
  const std::optional<json> body = ParseJson(exchange.request().body);
  if (!body || (!body->is_object() && !body->is_array())) {
    return exchange.Fail(400, R"(the body is {"key": "value", ...} or [{"key": ..., "value": ...}, ...])");
  }
  std::vector<std::string> argv{"MSET"};
  for (const auto& [name, value] : body->items()) {
    if (body->is_array()) {
      storage::Result<Item> item = ItemFromJson(value);
      if (!item) return exchange.Fail(400, item.error().text);
      if (item->ttl) return exchange.Fail(400, "all or nothing knows no ttl: store what is to expire by /set");
      argv.insert(argv.end(), {std::move(item->key), std::move(item->value)});
      continue;
    }
    std::optional<std::string> bytes = BytesFromJson(value);
    if (!bytes) return exchange.Fail(400, kBadText);
    argv.insert(argv.end(), {name, std::move(*bytes)});
  }
  const size_t items = (argv.size() - 1) / 2;
  if (items == 0) return RespondStored(exchange, 0);
  exchange.Run(std::move(argv), [&exchange, items](const resp::Reply&) { RespondStored(exchange, items); });
}

}  // namespace ringkv::server::http
