// SPDX-License-Identifier: MIT
#include "server/command/error_replies.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kDebugNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
    "local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

bool MayDebug(const Execution& execution) {
  return static_cast<DebugCommand>(execution.server().options().enable_debug_command.load()) == DebugCommand::kLocal &&
         execution.session().card->is_local;
}

}  // namespace

bool Permit(Execution& execution) {
  if ((execution.unmet & kNeedsDebugAllowed) != 0 && !MayDebug(execution)) return Refuse(execution, kDebugNotAllowed);
  if ((execution.unmet & kNeedsAuthentication) != 0) return Refuse(execution, errors::kNoAuth);
  return true;
}

}  // namespace ringkv::server
