// SPDX-License-Identifier: MIT
// CLIENT: lists and controls connections.
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/commands/client_filter.h"
#include "server/commands/client_name.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/execution/transaction.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

void Id(AdminCall& call) { call.reply.Integer(static_cast<int64_t>(call.session.card->id)); }

void GetName(AdminCall& call) {
  const std::string name = call.session.card->name.Get();
  if (name.empty()) return call.reply.Null();
  call.reply.Bulk(name);
}

void SetName(AdminCall& call) {
  if (!IsClientName(call.args[2])) return call.reply.Error(kBadClientName);
  call.session.card->name.Set(std::string(call.args[2]));
  call.reply.Ok();
}

void SetInfo(AdminCall& call) {
  const std::string_view field = call.args[2];
  const std::string_view value = call.args[3];
  const bool is_name = EqualsIgnoringCase(field, "lib-name");
  if (!is_name && !EqualsIgnoringCase(field, "lib-ver")) {
    return call.reply.Error("ERR Unrecognized option '" + std::string(field) + "'");
  }
  if (!IsClientName(value)) {
    return call.reply.Error("ERR " + std::string(is_name ? "lib-name" : "lib-ver") +
                            " cannot contain spaces, newlines or special characters.");
  }
  (is_name ? call.session.card->library_name : call.session.card->library_version).Set(std::string(value));
  call.reply.Ok();
}

// What is not known here has no effect.
void Capabilities(AdminCall& call) {
  for (call.args.Skip(1); !call.args.AtEnd(); call.args.Skip(1)) {
    if (!EqualsIgnoringCase(call.args.Peek(), "redirect")) continue;
    call.session.follows_redirects = true;
    call.session.card->follows_redirects = true;
  }
  call.reply.Ok();
}

void ClientInfo(AdminCall& call) {
  const int64_t now_ms = call.server.clock().SteadyMs();
  call.session.UpdateCard(now_ms);
  call.reply.Verbatim(DescribeClient(*call.session.card, now_ms) + "\n", "txt");
}

// Those that may pass the filter: in the order in which their IDs are given, or by age.
std::vector<std::shared_ptr<ClientCard>> Candidates(AdminCall& call, const ClientFilter& filter) {
  if (filter.wanted.ids.empty()) return call.server.clients().All();
  std::vector<std::shared_ptr<ClientCard>> named;
  for (const uint64_t id : filter.wanted.ids) {
    if (auto card = call.server.clients().Find(id)) named.push_back(std::move(card));
  }
  return named;
}

void ClientList(AdminCall& call) {
  ClientFilter filter;
  call.args.Skip(1);
  if (!ParseClientFilter(call, {INT64_MIN, "ERR Invalid client ID"}, &filter)) return;
  const int64_t now_ms = call.server.clock().SteadyMs();
  call.session.UpdateCard(now_ms);
  std::string text;
  for (const auto& card : Candidates(call, filter)) {
    const bool is_skipped = filter.skips_me && card == call.session.card;
    if (!is_skipped && filter.Matches(*card, now_ms)) text += DescribeClient(*card, now_ms) + "\n";
  }
  call.reply.Verbatim(text, "txt");
}

int64_t KillMatching(AdminCall& call, const ClientFilter& filter) {
  int64_t killed = 0;
  ClientLinks& links = call.server.links();
  const int64_t now_ms = call.server.clock().SteadyMs();
  for (const auto& card : call.server.clients().All()) {
    const bool is_me = card == call.session.card;
    if ((is_me && filter.skips_me) || !filter.Matches(*card, now_ms)) continue;
    if (is_me) {
      call.outcome = outcome::Close{};
    } else {
      card->is_closing = true;
      // Inside EXEC after a change of the role: a client that reconnects finds the new one.
      AfterAdministration(call, [&links, card] { links.Close(*card); });
    }
    ++killed;
  }
  return killed;
}

void Kill(AdminCall& call) {
  ClientFilter filter;
  if (call.args.size() == 3) {
    // The old form names an address and may name the caller's own.
    filter.wanted.address = call.args[2];
    if (KillMatching(call, filter) == 0) return call.reply.Error("ERR No such client");
    return call.reply.Ok();
  }
  filter.skips_me = true;
  call.args.Skip(1);
  if (!ParseClientFilter(call, {1, "ERR client-id should be greater than 0"}, &filter)) return;
  call.reply.Integer(KillMatching(call, filter));
}

void Reply(AdminCall& call) {
  ReplyMode& mode = call.session.reply_mode;
  if (EqualsIgnoringCase(call.args[2], "on")) {
    mode.is_off = mode.skips_this = false;
    call.pushes.Ok();
  } else if (EqualsIgnoringCase(call.args[2], "off")) {
    mode.is_off = true;
  } else if (EqualsIgnoringCase(call.args[2], "skip")) {
    if (!mode.is_off) mode.skips_next = true;
  } else {
    call.reply.Error(errors::kSyntax);
  }
}

void Pause(AdminCall& call) {
  PauseMode mode = PauseMode::kAll;
  if (call.args.size() > 4) return call.reply.Error(WrongSubcommand(call.args[1], "CLIENT"));
  if (call.args.size() == 4) {
    if (EqualsIgnoringCase(call.args[3], "write")) {
      mode = PauseMode::kWrites;
    } else if (!EqualsIgnoringCase(call.args[3], "all")) {
      return call.reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  const std::optional<int64_t> timeout = resp::ParseInteger(call.args[2]);
  if (!timeout) return call.reply.Error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return call.reply.Error("ERR timeout is negative");
  call.server.pause().Begin(PausePurpose::kClient, mode, MillisecondsFrom(call.server.clock().SteadyMs(), *timeout));
  call.reply.Ok();
}

void Unpause(AdminCall& call) {
  call.server.pause().End(PausePurpose::kClient);
  call.reply.Ok();
}

// Reads ON or OFF, or writes the error.
std::optional<bool> ParseSwitch(AdminCall& call) {
  if (EqualsIgnoringCase(call.args[2], "on")) return true;
  if (EqualsIgnoringCase(call.args[2], "off")) return false;
  call.reply.Error(errors::kSyntax);
  return std::nullopt;
}

void NoEvict(AdminCall& call) {
  const std::optional<bool> on = ParseSwitch(call);
  if (!on) return;
  call.session.card->no_evict = *on;
  call.reply.Ok();
}

void NoTouch(AdminCall& call) {
  const std::optional<bool> on = ParseSwitch(call);
  if (!on) return;
  call.session.no_touch = *on;
  call.session.card->no_touch = *on;
  call.reply.Ok();
}

void ImportSource(AdminCall& call) {
  const std::optional<bool> on = ParseSwitch(call);
  if (!on) return;
  if (*on && call.server.options().import_mode == 0) return call.reply.Error("ERR Server is not in import mode");
  call.session.imports = *on;
  call.session.card->imports = *on;
  call.reply.Ok();
}

void Unblock(AdminCall& call) {
  if (call.args.size() > 4) return call.reply.Error(WrongSubcommand(call.args[1], "CLIENT"));
  if (call.args.size() == 4 && !EqualsIgnoringCase(call.args[3], "timeout") &&
      !EqualsIgnoringCase(call.args[3], "error")) {
    return call.reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const std::optional<int64_t> id = resp::ParseInteger(call.args[2]);
  if (!id) return call.reply.Error(errors::kNotInteger);
  const std::shared_ptr<ClientCard> card = call.server.clients().Find(static_cast<uint64_t>(*id));
  if (card == nullptr || !card->is_waiting || card->waits_for_work) return call.reply.Integer(0);
  const bool with_error = call.args.size() == 4 && EqualsIgnoringCase(call.args[3], "error");
  call.server.links().Unblock(*card, with_error);
  call.reply.Integer(1);
}

constexpr uint32_t kOwn = kNoScript | kLoading | kStale;
constexpr uint32_t kOthers = kAdmin | kNoScript | kLoading | kStale;

constexpr Command kClientCommands[] = {
    {.name = "client",
     .arity = -2,
     .group = Group::kConnection,
     .since = "2.4.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about clients.",
     .is_container = true},
    {.name = "capa",
     .parent = "client",
     .arity = -3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "8.0.0",
     .syntax = "capability [capability ...]",
     .summary = "Tells what the client can do: follow redirects to the primary.",
     .run = Admin(Capabilities)},
    {.name = "getname",
     .parent = "client",
     .arity = 2,
     .flags = kOwn,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .since = "2.6.9",
     .summary = "Returns the name of this connection.",
     .run = Admin(GetName)},
    {.name = "help",
     .parent = "client",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "id",
     .parent = "client",
     .arity = 2,
     .flags = kOwn,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .since = "5.0.0",
     .summary = "Returns the id of this connection.",
     .run = Admin(Id)},
    {.name = "import-source",
     .parent = "client",
     .arity = 3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "8.1.0",
     .syntax = "<ON | OFF>",
     .summary = "Marks this connection as one that writes what another server has changed; it finds what has expired.",
     .run = Admin(ImportSource)},
    {.name = "info",
     .parent = "client",
     .arity = 2,
     .flags = kOwn,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .tips = "nondeterministic_output",
     .since = "6.2.0",
     .summary = "Returns information about this connection.",
     .run = Admin(ClientInfo)},
    {.name = "kill",
     .parent = "client",
     .arity = -3,
     .flags = kOthers,
     .group = Group::kConnection,
     .since = "2.4.0",
     .history = "7.4.0 MAXAGE; 8.1.0 several IDs (Valkey); 9.0.0 NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IP, "
                "and NOT- before each (Valkey)",
     .complexity = "O(N) in the number of connections",
     .syntax =
         "<ip:port | <ID client-id [client-id ...] | TYPE <NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB> | "
         "USER username | ADDR ip:port | LADDR ip:port | SKIPME yes/no | MAXAGE seconds | IDLE seconds | IP ip | "
         "NAME name | LIB-NAME name | LIB-VER version | DB index | FLAGS letters | CAPA letters | NOT-filter "
         "value> [filter ...]>",
     .summary = "Closes connections.",
     .run = Admin(Kill)},
    {.name = "list",
     .parent = "client",
     .arity = -2,
     .flags = kOthers,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .tips = "nondeterministic_output",
     .since = "2.4.0",
     .history = "8.1.0 USER, ADDR, LADDR, SKIPME, MAXAGE (Valkey); 9.0.0 the other filters of CLIENT KILL (Valkey)",
     .complexity = "O(N) in the number of connections",
     .syntax = "[TYPE <NORMAL | MASTER | PRIMARY | REPLICA | PUBSUB>] [ID client-id [client-id ...]] [filter ...]",
     .summary = "Returns information about all connections.",
     .run = Admin(ClientList)},
    {.name = "no-evict",
     .parent = "client",
     .arity = 3,
     .flags = kOthers,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "7.0.0",
     .syntax = "<ON|OFF>",
     .summary = "Excludes this connection from client eviction.",
     .run = Admin(NoEvict)},
    {.name = "no-touch",
     .parent = "client",
     .arity = 3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "7.2.0",
     .syntax = "<ON|OFF>",
     .summary = "Keeps this connection's commands from updating the last access of keys.",
     .run = Admin(NoTouch)},
    {.name = "pause",
     .parent = "client",
     .arity = -3,
     .flags = kOthers,
     .group = Group::kConnection,
     .since = "2.9.50",
     .syntax = "timeout [WRITE | ALL]",
     .summary = "Pauses commands of clients for some milliseconds.",
     .run = Admin(Pause)},
    {.name = "reply",
     .parent = "client",
     .arity = 3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "3.2.0",
     .syntax = "<ON|OFF|SKIP>",
     .summary = "Turns replies to commands on or off.",
     .run = Admin(Reply)},
    {.name = "setinfo",
     .parent = "client",
     .arity = 4,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "7.2.0",
     .syntax = "<LIB-NAME|LIB-VER> value",
     .summary = "Names the client library and its version.",
     .run = Admin(SetInfo)},
    {.name = "setname",
     .parent = "client",
     .arity = 3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "2.6.9",
     .syntax = "connection-name",
     .summary = "Names this connection.",
     .run = Admin(SetName)},
    {.name = "unblock",
     .parent = "client",
     .arity = -3,
     .flags = kOthers,
     .group = Group::kConnection,
     .since = "5.0.0",
     .syntax = "client-id [TIMEOUT | ERROR]",
     .summary = "Unblocks a blocked client.",
     .run = Admin(Unblock)},
    {.name = "unpause",
     .parent = "client",
     .arity = 2,
     .flags = kOthers,
     .group = Group::kConnection,
     .since = "6.2.0",
     .complexity = "O(N) in the number of paused clients",
     .summary = "Resumes paused clients.",
     .run = Admin(Unpause)},
};
static_assert(RowsAreSound(kClientCommands));

}  // namespace

std::span<const Command> ClientCommands() { return kClientCommands; }

}  // namespace ringkv::server
