// SPDX-License-Identifier: MIT
// ACL: users and what they may do.
#include <algorithm>
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/secrets.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/execution/transaction.h"
#include "server/session/session.h"
#include "server/session/user_connections.h"
#include "server/users/acl_check.h"
#include "server/users/acl_text.h"
#include "server/users/password.h"
#include "server/users/users.h"

namespace ringkv::server {
namespace {

// After a change: closes the connections that may not stay.
void CloseForbidden(AdminCall& call) {
  Server& server = call.server;
  for (const auto& card : ForbiddenClients(server.clients(), server.broker(), server.users())) {
    if (card == call.session.card) {
      call.outcome = outcome::Close{};
    } else {
      AfterAdministration(call, [&links = server.links(), card] { links.Close(*card); });
    }
  }
}

constexpr std::string_view kNoAclFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users in the Redis configuration.";

// --- users ----------------------------------------------------------------------------------------------------------

void SetUser(AdminCall& call) {
  const std::string_view name = call.args[2];
  if (!IsUserName(name)) return call.reply.Error("ERR Usernames can't contain spaces or null characters");
  const JoinedRules joined = JoinSelectors(call.args.all().subspan(3));
  if (joined.unmatched) {
    return call.reply.Error("ERR Unmatched parenthesis in acl selector starting at '" + *joined.unmatched + "'.");
  }
  if (const std::optional<std::string> error = call.server.users().Set(name, joined.rules)) {
    return call.reply.Error("ERR " + *error);
  }
  CloseForbidden(call);
  call.reply.Ok();
}

void DeleteUsers(AdminCall& call) {
  const std::span<const std::string_view> names = call.args.all().subspan(2);
  if (std::find(names.begin(), names.end(), kDefaultUser) != names.end()) {
    return call.reply.Error("ERR The 'default' user cannot be removed");
  }
  int64_t removed = 0;
  for (const std::string_view name : names) removed += call.server.users().Remove(name) ? 1 : 0;
  if (removed > 0) CloseForbidden(call);
  call.reply.Integer(removed);
}

void ReplySelector(const AclCategories& categories, const Selector& selector, resp::ReplyWriter& reply) {
  reply.Bulk("commands");
  reply.Bulk(DescribeCommands(categories, selector));
  reply.Bulk("keys");
  reply.Bulk(DescribeKeys(selector));
  reply.Bulk("channels");
  reply.Bulk(DescribeChannels(selector));
}

void GetUser(AdminCall& call) {
  const std::shared_ptr<UserAccount> account = call.server.users().Find(call.args[2]);
  if (account == nullptr) return call.reply.Null();
  const std::shared_ptr<const Permissions> user = account->permissions();
  const AclCategories& categories = call.server.users().categories();
  call.reply.Map(6);
  call.reply.Bulk("flags");
  const std::vector<std::string_view> flags = DescribeFlags(*user);
  call.reply.Set(static_cast<int64_t>(flags.size()));
  for (const std::string_view flag : flags) call.reply.Bulk(flag);
  call.reply.Bulk("passwords");
  call.reply.Array(static_cast<int64_t>(user->passwords.size()));
  for (const std::string& password : user->passwords) call.reply.Bulk(password);
  ReplySelector(categories, user->root, call.reply);
  call.reply.Bulk("selectors");
  call.reply.Array(static_cast<int64_t>(user->more.size()));
  for (const Selector& selector : user->more) {
    call.reply.Map(3);
    ReplySelector(categories, selector, call.reply);
  }
}

void List(AdminCall& call) {
  const std::vector<NamedUser> all = call.server.users().All();
  call.reply.Array(static_cast<int64_t>(all.size()));
  for (const NamedUser& user : all) {
    call.reply.Bulk(DescribeUser(call.server.users().categories(), user));
  }
}

void ListNames(AdminCall& call) {
  const std::vector<NamedUser> all = call.server.users().All();
  call.reply.Array(static_cast<int64_t>(all.size()));
  for (const NamedUser& user : all) call.reply.Bulk(user.name);
}

void WhoAmI(AdminCall& call) { call.reply.Bulk(call.session.user.name()); }

// --- help for writing rules -----------------------------------------------------------------------------------------

void ListCategories(AdminCall& call) {
  const AclCategories& categories = call.server.users().categories();
  if (call.args.size() > 3) return call.reply.Error(WrongSubcommand(call.args[1], "ACL"));
  if (call.args.size() == 2) {
    call.reply.Array(static_cast<int64_t>(categories.all().size()));
    for (const AclCategory& category : categories.all()) call.reply.Bulk(category.name);
    return;
  }
  const AclCategory* const category = categories.Find(call.args[2]);
  if (category == nullptr) return call.reply.Error("ERR Unknown category '" + std::string(call.args[2]) + "'");
  call.reply.Array(static_cast<int64_t>(category->own.count()));
  for (size_t i = 0; i < categories.commands().size(); ++i) {
    if (category->own.test(i)) call.reply.Bulk(categories.commands().entry(i).full_name);
  }
}

void GeneratePassword(AdminCall& call) {
  constexpr int64_t kMostBits = 4096;
  int64_t bits = 256;
  if (call.args.size() > 3) return call.reply.Error(WrongSubcommand(call.args[1], "ACL"));
  if (call.args.size() == 3) {
    const std::optional<int64_t> given = resp::ParseInteger(call.args[2]);
    if (!given) return call.reply.Error(errors::kNotInteger);
    if (*given <= 0 || *given > kMostBits) {
      return call.reply.Error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096");
    }
    bits = *given;
  }
  call.reply.Bulk(RandomPassword(static_cast<size_t>(bits)));
}

void DryRun(AdminCall& call) {
  const std::shared_ptr<UserAccount> account = call.server.users().Find(call.args[2]);
  if (account == nullptr) return call.reply.Error("ERR User '" + std::string(call.args[2]) + "' not found");
  const std::span<const std::string_view> argv = call.args.all().subspan(3);
  const CommandEntry* const entry = call.server.commands().Find(argv);
  if (entry == nullptr) return call.reply.Error("ERR Command '" + std::string(argv[0]) + "' not found");
  if (entry->row->is_container || !entry->row->ArityFits(argv.size())) {
    return call.reply.Error(errors::WrongArity(entry->full_name));
  }
  const Denial denial = CheckAcl(*account->permissions(), *entry, argv);
  switch (denial.reason) {
    case DenialReason::kNone: return call.reply.Ok();
    case DenialReason::kKey:
      return call.reply.Bulk("This user has no permissions to access the '" + std::string(argv[denial.argument]) +
                             "' key");
    case DenialReason::kChannel:
      return call.reply.Bulk("This user has no permissions to access the '" + std::string(argv[denial.argument]) +
                             "' channel");
    case DenialReason::kCommand:
    case DenialReason::kAuthentication: break;
  }
  call.reply.Bulk("This user has no permissions to run the '" + entry->full_name + "' command");
}

// --- the log --------------------------------------------------------------------------------------------------------

std::string_view NameOf(DenialReason reason) {
  switch (reason) {
    case DenialReason::kNone: break;
    case DenialReason::kCommand: return "command";
    case DenialReason::kKey: return "key";
    case DenialReason::kChannel: return "channel";
    case DenialReason::kAuthentication: return "auth";
  }
  return "unknown";
}

std::string_view NameOf(DenialContext context) {
  switch (context) {
    case DenialContext::kTopLevel: return "toplevel";
    case DenialContext::kTransaction: return "multi";
    case DenialContext::kScript: return "lua";
  }
  return "unknown";
}

void ReplyDenial(const DenialEntry& entry, int64_t now_ms, resp::ReplyWriter& reply) {
  reply.Map(7);
  reply.Bulk("count");
  reply.Integer(static_cast<int64_t>(entry.count));
  reply.Bulk("reason");
  reply.Bulk(NameOf(entry.reason));
  reply.Bulk("context");
  reply.Bulk(NameOf(entry.context));
  reply.Bulk("object");
  reply.Bulk(entry.object);
  reply.Bulk("username");
  reply.Bulk(entry.username);
  reply.Bulk("age-seconds");
  reply.Double(static_cast<double>(now_ms - entry.created_ms) / 1000);
  reply.Bulk("client-info");
  reply.Bulk(entry.client);
}

void ShowLog(AdminCall& call) {
  constexpr size_t kShownByDefault = 10;
  size_t count = kShownByDefault;
  if (call.args.size() > 3) return call.reply.Error(WrongSubcommand(call.args[1], "ACL"));
  if (call.args.size() == 3) {
    if (EqualsIgnoringCase(call.args[2], "RESET")) {
      call.server.denials().Reset();
      return call.reply.Ok();
    }
    const std::optional<int64_t> given = resp::ParseInteger(call.args[2]);
    if (!given) return call.reply.Error(errors::kNotInteger);
    count = static_cast<size_t>(std::max<int64_t>(*given, 0));
  }
  const std::vector<DenialEntry> entries = call.server.denials().Newest(count);
  call.reply.Array(static_cast<int64_t>(entries.size()));
  const int64_t now_ms = call.server.clock().SteadyMs();
  for (const DenialEntry& entry : entries) ReplyDenial(entry, now_ms, call.reply);
}

// --- the file -------------------------------------------------------------------------------------------------------

void Load(AdminCall& call) {
  if (call.server.options().aclfile.Get().empty()) return call.reply.Error(kNoAclFile);
  if (const storage::Status loaded = call.server.LoadUsers(); !loaded) {
    return call.reply.Error("ERR " + loaded.error().text);
  }
  CloseForbidden(call);
  call.reply.Ok();
}

void Save(AdminCall& call) {
  if (call.server.options().aclfile.Get().empty()) return call.reply.Error(kNoAclFile);
  if (const storage::Status saved = call.server.SaveUsers(); !saved) {
    call.server.log().Warning("the ACL file is not written: " + saved.error().text);
    return call.reply.Error(
        "ERR There was an error trying to save the ACLs. Please check the server logs for more "
        "information");
  }
  call.reply.Ok();
}

void HideRules(std::span<std::string_view> argv) { HideArguments(argv, 2); }

constexpr uint32_t kAclFlags = kAdmin | kNoScript | kLoading | kStale;
constexpr uint32_t kOpenAclFlags = kNoScript | kLoading | kStale;

constexpr Command kAclCommands[] = {
    {.name = "acl",
     .arity = -2,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about users and their permissions.",
     .is_container = true},
    {.name = "cat",
     .parent = "acl",
     .arity = -2,
     .flags = kOpenAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(1) since the categories and commands are a fixed set.",
     .syntax = "[category]",
     .summary = "Lists the ACL categories, or the commands of one.",
     .run = Admin(ListCategories)},
    {.name = "deluser",
     .parent = "acl",
     .arity = -3,
     .flags = kAclFlags,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(1) amortized time considering the typical user.",
     .syntax = "username [username ...]",
     .summary = "Deletes users, and closes their connections.",
     .run = Admin(DeleteUsers)},
    {.name = "dryrun",
     .parent = "acl",
     .arity = -4,
     .flags = kAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "7.0.0",
     .complexity = "O(1).",
     .syntax = "username command [arg [arg ...]]",
     .summary = "Tells whether a user may execute a command, without executing it.",
     .run = Admin(DryRun)},
    {.name = "genpass",
     .parent = "acl",
     .arity = -2,
     .flags = kOpenAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(1)",
     .syntax = "[bits]",
     .summary = "Generates a random password.",
     .run = Admin(GeneratePassword)},
    {.name = "getuser",
     .parent = "acl",
     .arity = 3,
     .flags = kAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of password, command and pattern rules that the user has.",
     .syntax = "username",
     .summary = "Shows the rules of a user.",
     .run = Admin(GetUser)},
    {.name = "help",
     .parent = "acl",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "list",
     .parent = "acl",
     .arity = 2,
     .flags = kAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users.",
     .summary = "Shows the rules of all users, as lines of the configuration.",
     .run = Admin(List)},
    {.name = "load",
     .parent = "acl",
     .arity = 2,
     .flags = kAclFlags,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users.",
     .summary = "Replaces all users by those of the ACL file.",
     .run = Admin(Load)},
    {.name = "log",
     .parent = "acl",
     .arity = -2,
     .flags = kAclFlags,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N) with N being the number of entries shown.",
     .syntax = "[count|RESET]",
     .summary = "Shows or clears the log of denied requests and failed authentications.",
     .run = Admin(ShowLog)},
    {.name = "save",
     .parent = "acl",
     .arity = 2,
     .flags = kAclFlags,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users.",
     .summary = "Writes all users to the ACL file.",
     .run = Admin(Save)},
    {.name = "setuser",
     .parent = "acl",
     .arity = -3,
     .flags = kAclFlags,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of rules provided.",
     .syntax = "username [rule [rule ...]]",
     .summary = "Creates a user, or changes one's rules.",
     .hide_secrets = HideRules,
     .run = Admin(SetUser)},
    {.name = "users",
     .parent = "acl",
     .arity = 2,
     .flags = kAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users.",
     .summary = "Lists the names of all users.",
     .run = Admin(ListNames)},
    {.name = "whoami",
     .parent = "acl",
     .arity = 2,
     .flags = kOpenAclFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Names the user of the connection.",
     .run = Admin(WhoAmI)},
};
static_assert(RowsAreSound(kAclCommands));

}  // namespace

std::span<const Command> AclCommands() { return kAclCommands; }

}  // namespace ringkv::server
