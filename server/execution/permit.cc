// SPDX-License-Identifier: MIT
#include <string>

#include "server/command/error_replies.h"
#include "server/execution/stages.h"

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

}  // namespace

bool Permit(Execution& execution) {
  if ((execution.unmet & kNeedsDebugAllowed) != 0 && !MayDebug(execution)) return Refuse(execution, kDebugNotAllowed);
  if ((execution.unmet & kNeedsAuthentication) != 0) return Refuse(execution, errors::kNoAuth);
  // A client in MONITOR is in the same state as a replica, in Redis' words too.
  if (execution.session().is_monitor && execution.row().Is(kWrite | kReadOnly)) return Refuse(execution, kIsMonitor);
  return true;
}

bool PermitForSubscriber(Execution& execution) {
  if ((execution.unmet & kNeedsNoSubscription) == 0) return true;
  return Refuse(execution, "ERR Can't execute '" + execution.entry->full_name +
                               "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                               "context");
}

}  // namespace ringkv::server
