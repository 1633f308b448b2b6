// SPDX-License-Identifier: MIT
#include <string>

#include "server/command/error_replies.h"
#include "server/execution/denials.h"
#include "server/execution/stages.h"
#include "server/users/acl_check.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kDebugNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
    "local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

constexpr std::string_view kIsMonitor = "ERR Replica can't interact with the keyspace";

bool MayDebug(const Execution& execution) {
  return static_cast<DebugCommand>(execution.parts().options.enable_debug_command.load()) == DebugCommand::kLocal &&
         execution.session().card->is_local;
}

// Who has not authenticated is the user `default`, if that needs no password now.
bool NeedsToAuthenticate(const Execution& execution) {
  if ((execution.unmet & kNeedsAuthentication) == 0) return false;
  const auto user = execution.parts().users.default_user()->permissions();
  return !user->needs_no_password || !user->is_enabled;
}

// Apart from what most requests need.
[[gnu::noinline]] bool PermitToUser(Execution& execution) {
  const DenialContext context =
      execution.session().queue.is_open() ? DenialContext::kTransaction : DenialContext::kTopLevel;
  const Denial denial = CheckPermission(execution.parts(), execution.session(), *execution.session().card,
                                        *execution.entry, execution.argv(), context);
  return !denial.is_denied() || Refuse(execution, DescribeDenial(denial, *execution.entry));
}

}  // namespace

bool Permit(Execution& execution) {
  if ((execution.unmet & kNeedsDebugAllowed) != 0 && !MayDebug(execution)) return Refuse(execution, kDebugNotAllowed);
  if (NeedsToAuthenticate(execution)) return Refuse(execution, errors::kNoAuth);
  if ((execution.unmet & kNeedsPermission) == 0) return true;
  const Permissions* const user = RestrictedUser(execution.parts(), execution.session());
  if (user == nullptr || IsPermittedAtOnce(*user, *execution.entry, execution.argv())) return true;
  return PermitToUser(execution);
}

bool PermitForSubscriber(Execution& execution) {
  if ((execution.unmet & kNeedsNoSubscription) == 0) return true;
  return Refuse(execution, "ERR Can't execute '" + execution.entry->full_name +
                               "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                               "context");
}

bool PermitForMonitor(Execution& execution) {
  const bool uses_keyspace = execution.row().Is(kWrite | kReadOnly) || execution.row().Has(kMayReplicate);
  return !execution.session().is_monitor || !uses_keyspace || Refuse(execution, kIsMonitor);
}

}  // namespace ringkv::server
