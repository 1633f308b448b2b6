// SPDX-License-Identifier: MIT
// POST /console/commands: runs commands one after the other, with the rights of the user.
//
// A page of another origin can't send this: JSON makes a browser ask first, which is refused.
#include <memory>
#include <nlohmann/json.hpp>

#include "server/http/computing_cost.h"
#include "server/http/console_rights.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "server/http/reply_json.h"

namespace ringkv::server::http {
namespace {

constexpr size_t kMostCommands = 1000;
constexpr size_t kMostArguments = 100'000;
constexpr std::string_view kBadCommands =
    R"(the body is {"commands": [["GET", "key"], ...]}: at most 1,000, of strings, numbers or {"base64": "..."})";
constexpr std::string_view kOfConnection =
    "ERR this command is about a connection of the Redis protocol; over HTTP each request stands alone";
constexpr std::string_view kReadOnlyConsole = "NOPERM the console only shows here (http-console readonly)";

using Commands = std::vector<std::vector<std::string>>;

struct CommandRun {
  Commands commands;
  size_t next = 0;
  std::vector<resp::Reply> replies = {};
  size_t bytes = 0;  // of the replies in JSON, about
};
using SharedRun = std::shared_ptr<CommandRun>;

std::optional<Commands> ReadCommands(std::string_view body) {
  const auto parsed = ParseJson(body, 2 * kMostArguments);
  if (!parsed || !parsed->is_object() || parsed->size() != 1 || !parsed->contains("commands")) return std::nullopt;
  const nlohmann::json& list = (*parsed)["commands"];
  if (!list.is_array() || list.size() > kMostCommands) return std::nullopt;
  Commands commands;
  for (const nlohmann::json& words : list) {
    if (!words.is_array() || words.empty()) return std::nullopt;
    std::vector<std::string>& argv = commands.emplace_back();
    for (const nlohmann::json& word : words) {
      std::optional<std::string> bytes = BytesFromJson(word);
      if (!bytes) return std::nullopt;
      argv.push_back(std::move(*bytes));
    }
  }
  return commands;
}

// Why it isn't run here; empty if it is.
std::string_view WhyNotHere(const HttpParts& parts, const std::vector<std::string>& argv) {
  const std::vector<std::string_view> words(argv.begin(), argv.end());
  const CommandEntry* entry = parts.report.commands.Find(words);
  if (entry == nullptr) return {};  // it gets the error of an unknown command
  if (IsOfConnection(*entry->row)) return kOfConnection;
  return IsReadOnlyConsole(parts.options) && !OnlyShows(*entry->row) ? kReadOnlyConsole : std::string_view();
}

size_t MostReplyBytes(const Exchange& exchange) {
  return static_cast<size_t>(exchange.parts().options.http_max_response_size);
}

std::string RepliesTooLong(size_t most) {
  return "the replies are longer than http-max-response-size allows (" + std::to_string(most) + " bytes)";
}

void RespondReplies(Exchange& exchange, const SharedRun& run) {
  exchange.Compute(JsonCost(run->bytes), [&exchange, run, most = MostReplyBytes(exchange)] {
    std::string json = "{\"replies\":[";
    for (const resp::Reply& reply : run->replies) {
      if (&reply != &run->replies.front()) json += ',';
      AppendReplyJson(reply, &json, most);
      if (json.size() > most) break;
    }
    json += "]}\n";
    return [&exchange, most, json = std::move(json)]() mutable {
      // A byte of a reply may be six here: \u0000.
      if (json.size() > most) return exchange.Fail(413, RepliesTooLong(most));
      exchange.Respond({.headers = {{"Cache-Control", "no-store"}}, .body = std::move(json)});
    };
  });
}

void RunNext(Exchange& exchange, const SharedRun& run) {
  const auto take = [run](resp::Reply reply) {
    run->bytes += ReplyJsonBytes(reply);
    run->replies.push_back(std::move(reply));
  };
  // Those that aren't run here need no turn of their own.
  while (run->next < run->commands.size()) {
    const std::string_view refusal = WhyNotHere(exchange.parts(), run->commands[run->next]);
    if (refusal.empty()) break;
    take({.kind = resp::ReplyKind::kError, .text = std::string(refusal)});
    ++run->next;
  }
  const size_t most = MostReplyBytes(exchange);
  if (run->bytes > most) return exchange.Fail(413, RepliesTooLong(most));
  if (run->next == run->commands.size()) return RespondReplies(exchange, run);
  exchange.Try(std::move(run->commands[run->next++]), [&exchange, run, take](resp::Reply reply) {
    take(std::move(reply));
    RunNext(exchange, run);
  });
  exchange.LimitReply(most, RepliesTooLong(most));
}

}  // namespace

void PostCommands(Exchange& exchange) {
  const auto body = std::make_shared<const std::string>(exchange.TakeBody());
  exchange.Compute(JsonCost(body->size()), [&exchange, body] {
    const auto commands = std::make_shared<std::optional<Commands>>(ReadCommands(*body));
    return [&exchange, commands] {
      if (!*commands) return exchange.Fail(400, kBadCommands);
      RunNext(exchange, std::make_shared<CommandRun>(CommandRun{.commands = std::move(**commands)}));
    };
  });
}

}  // namespace ringkv::server::http
