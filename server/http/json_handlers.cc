// SPDX-License-Identifier: MIT
// Keys and values in JSON bodies, and in forms.
#include <memory>
#include <nlohmann/json.hpp>

#include "server/http/batch_fetch.h"
#include "server/http/computing_cost.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "server/http/media_type.h"
#include "server/http/set_command.h"

namespace ringkv::server::http {
namespace {

using nlohmann::json;

constexpr std::string_view kBadText = R"(a key or value is a string, a number, or {"base64": "..."} for any bytes)";
constexpr std::string_view kBadItem =
    R"(an item is an object {"key": ..., "value": ...} with, if it is to expire, "ttl": seconds)";
constexpr std::string_view kBadKeys = R"(the body is ["key", ...] or {"keys": ["key", ...]})";
constexpr std::string_view kBadPairs = R"(the body is {"key": "value", ...} or [{"key": ..., "value": ...}, ...])";
// In the JSON of an item with its ttl, where both texts are in base64.
constexpr size_t kValuesAnItem = 6;

// An error is the response.
template <typename T>
using Read = tl::expected<T, Response>;

tl::unexpected<Response> Bad(std::string_view text) { return tl::unexpected(ErrorResponse(400, text)); }

tl::unexpected<Response> Bad(JsonFault fault, std::string_view shape) {
  switch (fault) {
    case JsonFault::kTooMany: return Bad(shape);
    case JsonFault::kNumberTooLarge: return Bad("a number in the body is out of range; send it as a string");
    case JsonFault::kNameTwice: return Bad("an object of the body repeats a name");
    case JsonFault::kNoJson: break;
  }
  return Bad("the body is not valid JSON");
}

// Names in messages are truncated.
std::string Quoted(std::string_view name) {
  constexpr size_t kLongest = 64;
  return name.size() <= kLongest ? "'" + std::string(name) + "'"
                                 : "a name of " + std::to_string(name.size()) + " bytes";
}

struct Item {
  std::string key;
  std::string value;
  std::optional<std::string> ttl;  // seconds
};

Read<Item> ItemFromJson(const json& object) {
  if (!object.is_object() || !object.contains("key") || !object.contains("value")) return Bad(kBadItem);
  Item item;
  for (const auto& [name, value] : object.items()) {
    std::optional<std::string> bytes = BytesFromJson(value);
    if (name == "ttl" && value.is_null()) continue;
    if (!bytes) return Bad(kBadText);
    if (name == "key") {
      item.key = std::move(*bytes);
    } else if (name == "value") {
      item.value = std::move(*bytes);
    } else if (name == "ttl") {
      item.ttl = std::move(*bytes);
    } else {
      return Bad(Quoted(name) + " is unknown here; an item has key, value, ttl");
    }
  }
  return item;
}

Read<Item> ReadItem(std::string_view body) {
  const auto parsed = ParseJson(body, kValuesAnItem);
  if (!parsed) return Bad(parsed.error(), kBadItem);
  return ItemFromJson(*parsed);
}

Read<Item> ReadForm(std::string_view body) {
  const std::optional<Fields> fields = Fields::Parse(body);
  if (!fields) return Bad("a % in the form has no two hexadecimal digits behind it");
  if (const std::string* other = fields->FindOther({"key", "value", "ttl"})) {
    return Bad(Quoted(*other) + " is unknown here; the form has key, value, ttl");
  }
  if (const std::string* name = fields->FindTwice()) return Bad(Quoted(*name) + " is repeated in the form");
  const std::string* key = fields->Find("key");
  const std::string* value = fields->Find("value");
  if (key == nullptr || value == nullptr) return Bad("the form has no key, or no value");
  const std::string* ttl = fields->Find("ttl");
  return Item{*key, *value, ttl == nullptr || ttl->empty() ? std::nullopt : std::optional(*ttl)};
}

Read<std::string> ReadValue(std::string_view body) {
  constexpr std::string_view kShape = R"(the body is a JSON string, a number, or {"base64": "..."})";
  const auto parsed = ParseJson(body, kValuesAnItem);
  if (!parsed) return parsed.error() == JsonFault::kNoJson ? Bad(kShape) : Bad(parsed.error(), kShape);
  std::optional<std::string> value = BytesFromJson(*parsed);
  if (!value) return Bad(kShape);
  return std::move(*value);
}

tl::unexpected<Response> TooMany(size_t most) {
  return tl::unexpected(
      ErrorResponse(413, "the body has more keys than http-max-batch-keys allows (" + std::to_string(most) + ")"));
}

// What names at most so many keys, as an array or object.
Read<json> ReadBatch(std::string_view body, size_t most, std::string_view shape) {
  auto parsed = ParseJson(body, kValuesAnItem * (most + 1));
  if (!parsed) return parsed.error() == JsonFault::kTooMany ? TooMany(most) : Bad(parsed.error(), shape);
  if (!parsed->is_object() && !parsed->is_array()) return Bad(shape);
  return std::move(*parsed);
}

using Argv = std::vector<std::string>;

Read<Argv> ReadKeys(std::string_view body, size_t most) {
  Read<json> parsed = ReadBatch(body, most, kBadKeys);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  if (parsed->is_object() && (parsed->size() != 1 || !parsed->contains("keys"))) return Bad(kBadKeys);
  const json& keys = parsed->is_object() ? (*parsed)["keys"] : *parsed;
  if (!keys.is_array()) return Bad(kBadKeys);
  if (keys.size() > most) return TooMany(most);
  Argv argv;
  for (const json& each : keys) {
    std::optional<std::string> key = BytesFromJson(each);
    if (!key) return Bad(kBadText);
    argv.push_back(std::move(*key));
  }
  return argv;
}

// MSET and its arguments.
Read<Argv> ReadPairs(std::string_view body, size_t most) {
  const Read<json> parsed = ReadBatch(body, most, kBadPairs);
  if (!parsed) return tl::unexpected(parsed.error());
  if (parsed->size() > most) return TooMany(most);
  Argv argv{"MSET"};
  for (const auto& [name, value] : parsed->items()) {
    if (parsed->is_array()) {
      Read<Item> item = ItemFromJson(value);
      if (!item) return tl::unexpected(std::move(item.error()));
      if (item->ttl) return Bad("/mset has no ttl; use /set for keys that expire");
      argv.push_back(std::move(item->key));
      argv.push_back(std::move(item->value));
      continue;
    }
    std::optional<std::string> bytes = BytesFromJson(value);
    if (!bytes) return Bad(kBadText);
    argv.push_back(name);
    argv.push_back(std::move(*bytes));
  }
  return argv;
}

// `use` gets what `read` makes of the body, if it makes sense.
template <typename ReadBody, typename Use>
void WithBody(Exchange& exchange, ReadBody read, Use use) {
  const auto body = std::make_shared<const std::string>(exchange.TakeBody());
  exchange.Compute(JsonCost(body->size()), [&exchange, body, read, use] {
    const auto result = std::make_shared<decltype(read(*body))>(read(*body));
    return [&exchange, result, use] {
      *result ? use(exchange, std::move(**result)) : exchange.Respond(std::move(result->error()));
    };
  });
}

void RespondStored(Exchange& exchange, size_t items) {
  exchange.Respond({.body = "{\"stored\":" + std::to_string(items) + "}\n"});
}

void Store(Exchange& exchange, Item item) {
  std::vector<std::string> argv = SetCommand(std::move(item.key), std::move(item.value));
  if (item.ttl && !AppendLifetime(exchange, *item.ttl, &argv)) return;
  exchange.Run(std::move(argv), [&exchange](const resp::Reply&) { RespondStored(exchange, 1); });
}

size_t MostKeys(Exchange& exchange) { return static_cast<size_t>(exchange.parts().options.http_max_batch_keys); }

}  // namespace

void PostSet(Exchange& exchange) {
  const bool is_form = IsMediaType(exchange.request().content_type, kFormType);
  WithBody(exchange, is_form ? ReadForm : ReadItem, Store);
}

void PostSetKey(Exchange& exchange) {
  WithBody(exchange, ReadValue, [](Exchange& self, std::string value) {
    const std::string* ttl = self.target().query.Find("ttl");
    Store(self, {self.key(), std::move(value), ttl == nullptr ? std::nullopt : std::optional(*ttl)});
  });
}

void PostMGet(Exchange& exchange) {
  const auto read = [most = MostKeys(exchange)](std::string_view body) { return ReadKeys(body, most); };
  WithBody(exchange, read, [](Exchange& self, Argv keys) {
    FetchValues(self, std::move(keys), [&self](std::vector<std::string> values) {
      values.emplace_back("]}\n");
      self.Respond({.body = "{\"values\":[", .pieces = std::move(values)});
    });
  });
}

void PostMSet(Exchange& exchange) {
  const auto read = [most = MostKeys(exchange)](std::string_view body) { return ReadPairs(body, most); };
  WithBody(exchange, read, [](Exchange& self, Argv argv) {
    const size_t items = (argv.size() - 1) / 2;
    if (items == 0) return RespondStored(self, 0);
    self.Run(std::move(argv), [&self, items](const resp::Reply&) { RespondStored(self, items); });
  });
}

}  // namespace ringkv::server::http
