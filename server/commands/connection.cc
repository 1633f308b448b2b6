// SPDX-License-Identifier: MIT
// The state of a connection: user, protocol, database.
#include <string>

#include "server/base/version.h"
#include "server/cluster/cluster_state.h"
#include "server/command/error_replies.h"
#include "server/command/secrets.h"
#include "server/commands/client_name.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/denials.h"
#include "server/execution/outcome.h"
#include "server/replication/replication.h"
#include "server/session/client_tracking.h"
#include "server/session/session.h"
#include "server/users/password.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

// Whoever fails is noted in ACL LOG.
bool Authenticate(AdminCall& call, std::string_view user, std::string_view password) {
  std::shared_ptr<UserAccount> account = call.server.users().Authenticate(user, password);
  if (account == nullptr) {
    NoteFailedAuthentication(call.server.execution_parts(), *call.session.card, call.args[0], user,
                             call.in_transaction ? DenialContext::kTransaction : DenialContext::kTopLevel);
    return false;
  }
  call.session.BecomeUser(std::move(account));
  return true;
}

void Auth(AdminCall& call) {
  if (call.args.size() > 3) return call.reply.Error(errors::kSyntax);
  const bool any_password_will_do = call.server.users().default_user()->permissions()->needs_no_password;
  if (call.args.size() == 2 && any_password_will_do) {
    return call.reply.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  const std::string_view user = call.args.size() == 3 ? call.args[1] : kDefaultUser;
  if (!Authenticate(call, user, call.args[call.args.size() - 1])) return call.reply.Error(kWrongPassword);
  call.reply.Ok();
}

void HideCredentials(std::span<std::string_view> argv) { HideArguments(argv, 1); }

void HideHelloCredentials(std::span<std::string_view> argv) {
  for (size_t i = 2; i < argv.size();) {
    if (EqualsIgnoringCase(argv[i], "AUTH")) {
      HideArguments(argv, i + 1, i + 3);
      i += 3;
    } else if (EqualsIgnoringCase(argv[i], "SETNAME")) {
      i += 2;
    } else {
      return HideArguments(argv, i);  // no option: a password in the wrong place, maybe
    }
  }
}

void ReplyHello(AdminCall& call) {
  resp::ReplyWriter& reply = call.reply;
  const std::string zone = call.server.options().availability_zone.Get();
  reply.Map(zone.empty() ? 7 : 8);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(call.session.protocol);
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(call.session.card->id));
  reply.Bulk("mode");
  // A client behind a proxy need not know of the cluster.
  const bool is_node = call.server.cluster().is_enabled() && call.server.options().cluster_redirect == 0;
  reply.Bulk(is_node ? "cluster" : "standalone");
  reply.Bulk("role");
  reply.Bulk(call.server.replication().is_replica() ? "replica" : "master");
  reply.Bulk("modules");
  reply.Array(0);
  if (zone.empty()) return;
  reply.Bulk("availability_zone");
  reply.Bulk(zone);
}

void Hello(AdminCall& call) {
  Arguments& args = call.args;
  std::optional<int64_t> protocol;
  if (!args.AtEnd()) {
    protocol = resp::ParseInteger(args.Next());
    if (!protocol) return call.reply.Error("ERR Protocol version is not an integer or out of range");
    if (*protocol < 2 || *protocol > 3) return call.reply.Error("NOPROTO unsupported protocol version");
  }
  std::optional<std::string_view> name;
  while (!args.AtEnd()) {
    if (args.Left() >= 3 && args.Take("AUTH")) {
      const std::string_view user = args.Next();
      if (!Authenticate(call, user, args.Next())) return call.reply.Error(kWrongPassword);
    } else if (args.TakeWithValue("SETNAME")) {
      name = args.Next();
      if (!IsClientName(*name)) return call.reply.Error(kBadClientName);
    } else {
      return call.reply.Error("ERR Syntax error in HELLO option '" + std::string(args.Next()) + "'");
    }
  }
  if (!call.session.authenticated) {
    return call.reply.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (name) call.session.card->name.Set(std::string(*name));
  if (protocol) {
    call.session.protocol = static_cast<int>(*protocol);
    call.session.NoteSubscriptions();
    call.reply.set_protocol(call.session.protocol);
  }
  ReplyHello(call);
}

void Ping(AdminCall& call) {
  if (call.args.size() > 2) return call.reply.Error(errors::WrongArity("ping"));
  if (call.session.subscriber_needs != 0) {
    call.reply.Array(2);
    call.reply.Bulk("pong");
    return call.reply.Bulk(call.args.size() == 2 ? call.args[1] : "");
  }
  if (call.args.size() == 2) return call.reply.Bulk(call.args[1]);
  call.reply.Simple("PONG");
}

void Echo(AdminCall& call) { call.reply.Bulk(call.args[1]); }

void Select(AdminCall& call) {
  const std::optional<int64_t> db = resp::ParseInteger(call.args[1]);
  if (!db) return call.reply.Error(errors::kNotInteger);
  if (*db < INT32_MIN || *db > INT32_MAX) return call.reply.Error(errors::kNotInt32);
  if (*db != 0 && call.server.cluster().is_enabled()) {
    return call.reply.Error("ERR SELECT is not allowed in cluster mode");
  }
  if (*db < 0 || *db >= call.server.store().databases()) return call.reply.Error(errors::kDbOutOfRange);
  call.session.db = static_cast<storage::DbIndex>(*db);
  call.reply.Ok();
}

void Quit(AdminCall& call) {
  call.outcome = outcome::Close{};
  call.reply.Ok();
}

void ConnectionReset(AdminCall& call) {
  Session& session = call.session;
  session.queue.Close();
  session.UnwatchAll();
  if (session.is_monitor) {
    call.server.monitor().Remove(*session.card);
    session.card->is_monitor = false;
  }
  call.server.broker().RemoveAll(session.subscriptions, *session.card);
  EndTracking(session, call.thread, call.server.tracking());
  session.ResetSettings();
  BecomeDefaultUser(session, call.server.users());
  session.NoteSubscriptions();
  call.reply.set_protocol(session.protocol);
  session.card->no_touch = false;
  session.card->imports = false;
  session.card->no_evict = false;
  session.card->follows_redirects = false;
  session.card->replica_port = 0;
  session.card->replica_host.Set("");
  session.card->name.Set("");
  if (!session.reply_mode.is_silent()) call.pushes.Simple("RESET");
}

constexpr uint32_t kConnectionFlags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;

constexpr Command kConnectionCommands[] = {
    {.name = "auth",
     .arity = -2,
     .flags = kConnectionFlags,
     .traits = kNeverPaused | kChangesSession,
     .group = Group::kConnection,
     .since = "1.0.0",
     .complexity = "O(1)",
     .syntax = "[username] password",
     .summary = "Authenticates the connection.",
     .hide_secrets = HideCredentials,
     .run = Admin(Auth)},
    {.name = "echo",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .traits = kImpersonal | kRepeats | kOnlyShows,
     .group = Group::kConnection,
     .since = "1.0.0",
     .syntax = "message",
     .summary = "Returns its argument.",
     .run = Admin(Echo)},
    {.name = "hello",
     .arity = -1,
     .flags = kConnectionFlags,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "6.0.0",
     .syntax = "[protover [AUTH username password] [SETNAME clientname]]",
     .summary = "Switches the protocol version, and optionally authenticates and names the connection.",
     .hide_secrets = HideHelloCredentials,
     .run = Admin(Hello)},
    {.name = "ping",
     .arity = -1,
     .flags = kFast,
     .traits = kForSubscribers | kImpersonal | kRepeats | kOnlyShows,
     .needs = kNeedsHealthyDisk,  // as in Redis: monitoring by PING should notice it
     .group = Group::kConnection,
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .since = "1.0.0",
     .syntax = "[message]",
     .summary = "Tests whether the server responds.",
     .run = Admin(Ping)},
    {.name = "quit",
     .arity = -1,
     .flags = kConnectionFlags,
     .traits = kForSubscribers | kRunsInMulti | kEndsMulti | kChangesSession,
     .group = Group::kConnection,
     .since = "1.0.0",
     .syntax = "[ignored ...]",
     .summary = "Closes the connection.",
     .run = Admin(Quit)},
    {.name = "reset",
     .arity = 1,
     .flags = kConnectionFlags,
     .traits = kForSubscribers | kRunsInMulti | kEndsMulti | kChangesSession,
     .group = Group::kConnection,
     .since = "6.2.0",
     .summary = "Resets the connection to its initial state.",
     .run = Admin(ConnectionReset)},
    {.name = "select",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .traits = kSelectsDatabase,
     .group = Group::kConnection,
     .since = "1.0.0",
     .syntax = "index",
     .summary = "Selects a database.",
     .run = Admin(Select)},
};
static_assert(RowsAreSound(kConnectionCommands));

}  // namespace

std::span<const Command> ConnectionCommands() { return kConnectionCommands; }

}  // namespace ringkv::server
