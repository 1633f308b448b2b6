// SPDX-License-Identifier: MIT
// GET /console/session: what the console offers to whoever asks.
#include "server/base/version.h"
#include "server/cluster/cluster_state.h"
#include "server/http/computing_cost.h"
#include "server/http/console_rights.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/json.h"
#include "server/http/route_table.h"

namespace ringkv::server::http {
namespace {

// w: it changes data or the server. d: the console asks before it runs it.
std::string_view MarksOf(const CommandEntry& entry, const AclCategory& dangerous) {
  if (OnlyShows(*entry.row)) return "";
  return dangerous.own.test(entry.index) ? "wd" : "w";
}

// Whether requests call it by the name that the console knows; see rename-command.
bool HasItsName(const CommandEntry& entry) {
  const CommandEntry& top = entry.parent != nullptr ? *entry.parent : entry;
  return top.name == top.row->name;
}

// {"get":"","set":"w",...}: the commands that the user may run here.
std::string CommandsInJson(const HttpParts& parts, const Permissions& user) {
  const AclCategory& dangerous = *parts.users.categories().Find("dangerous");
  const CommandTable& commands = parts.report.commands;
  std::string json = "{";
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandEntry& entry = commands.entry(i);
    const bool is_offered = entry.subcommands.empty() && HasItsName(entry) && MayRun(user, entry.index) &&
                            !IsOfConnection(*entry.row) && (OnlyShows(*entry.row) || !IsReadOnlyConsole(parts.options));
    if (!is_offered) continue;
    if (json.size() > 1) json += ',';
    json += ToJson(entry.full_name) + ":\"";
    json.append(MarksOf(entry, dangerous)).append("\"");
  }
  return json + "}";
}

// {"monitor":true,...}: of the commands that /console/events runs, those that he may.
std::string EventsInJson(const HttpParts& parts, const Permissions& user) {
  std::string json = "{";
  for (const std::string_view name : {"monitor", "subscribe", "psubscribe"}) {
    const CommandEntry* entry = parts.users.categories().Command(name);
    const bool may = entry != nullptr && HasItsName(*entry) && MayRun(user, entry->index);
    if (json.size() > 1) json += ',';
    json.append("\"").append(name).append(may ? "\":true" : "\":false");
  }
  return json + "}";
}

std::string EndpointsInJson() {
  std::string json = "[";
  for (const Route& route : Routes()) {
    for (const auto& each : kMethodNames) {
      if (each.method == Method::kHead || !route.Allows(each.method)) continue;
      if (json.size() > 1) json += ',';
      json += "[" + ToJson(each.name) + "," + ToJson(route.path) + "," + ToJson(route.summary) + "]";
    }
  }
  return json + "]";
}

}  // namespace

void ShowSession(Exchange& exchange) {
  const HttpParts& parts = exchange.parts();
  const UserAccount& user = *exchange.target().user;
  const Options& options = parts.options;
  const std::shared_ptr<const Permissions> permissions = user.permissions();
  if (permissions == nullptr) return exchange.Fail(403, "this user was removed");
  std::string json = "{\"user\":" + ToJson(user.name());
  json += ",\"needs_password\":" + std::string(permissions->needs_no_password ? "false" : "true");
  json += ",\"version\":" + ToJson(kRingKvVersion);
  json += ",\"readonly\":" + std::string(IsReadOnlyConsole(options) ? "true" : "false");
  json += ",\"cluster\":" + std::string(parts.cluster.is_enabled() ? "true" : "false");
  json += ",\"databases\":" + std::to_string(parts.cluster.is_enabled() ? 1 : options.databases.load());
  json += ",\"commands\":" + CommandsInJson(parts, *permissions);
  json += ",\"events\":" + EventsInJson(parts, *permissions);
  json += ",\"endpoints\":" + EndpointsInJson() + "}\n";
  exchange.Respond({.headers = {{"Cache-Control", "no-store"}}, .body = std::move(json)});
}

}  // namespace ringkv::server::http
