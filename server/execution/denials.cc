// SPDX-License-Identifier: MIT
#include "server/execution/denials.h"

#include <utility>
#include <vector>

#include "server/base/needs.h"

namespace ringkv::server {
namespace {

// What a denied client sends is not kept at any length.
constexpr size_t kLongestNoted = 1024;

void Note(const ExecutionParts& parts, const ClientCard& client, DenialEntry entry) {
  entry.created_ms = parts.clock.SteadyMs();
  entry.client = DescribeClient(client, entry.created_ms);
  parts.denials.Add(std::move(entry), static_cast<size_t>(parts.options.acllog_max_len));
}

// Apart from the check, which is on the path of each request.
[[gnu::noinline]] void NoteDenial(const ExecutionParts& parts, const ClientCard& client, const Denial& denial,
                                  const CommandEntry& entry, std::span<const std::string_view> argv,
                                  std::string_view user, DenialContext context) {
  const bool is_command = denial.reason == DenialReason::kCommand;
  Note(parts, client,
       {.reason = denial.reason,
        .context = context,
        .object = is_command ? entry.full_name : std::string(argv[denial.argument].substr(0, kLongestNoted)),
        .username = std::string(user)});
}

}  // namespace

Denial CheckPermission(const ExecutionParts& parts, Session& session, const ClientCard& client,
                       const CommandEntry& entry, std::span<const std::string_view> argv, DenialContext context) {
  const Permissions* const permissions = RestrictedUser(parts, session);
  if (permissions == nullptr) return {};
  const Denial denial = CheckAcl(*permissions, entry, argv);
  if (denial.is_denied()) NoteDenial(parts, client, denial, entry, argv, session.user.name(), context);
  return denial;
}

std::string DescribeDenial(const Denial& denial, const CommandEntry& entry) {
  switch (denial.reason) {
    case DenialReason::kKey: return "NOPERM this user has no permissions to access one of the keys used as arguments";
    case DenialReason::kChannel:
      return "NOPERM this user has no permissions to access one of the channels used as arguments";
    default: return "NOPERM this user has no permissions to run the '" + entry.full_name + "' command";
  }
}

std::string DescribeLateDenial(const Denial& denial) {
  const std::string reason = denial.reason == DenialReason::kKey ? "no permission to touch the specified keys"
                             : denial.reason == DenialReason::kChannel
                                 ? "no permission to access one of the channels used as arguments"
                                 : "no permission to execute the command or subcommand";
  return "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command "
         "is no longer allowed for the following reason: " +
         reason;
}

std::string DenyBlocked(const ExecutionParts& parts, const WaitingRequest& request,
                        std::span<const std::string_view> argv) {
  if ((parts.needs.Get() & kNeedsPermission) == 0 || request.user == nullptr) return {};
  const Denial denial = CheckAcl(*request.user->permissions(), *request.command, argv);
  if (!denial.is_denied()) return {};
  NoteDenial(parts, *request.client, denial, *request.command, argv, request.user->name(), DenialContext::kTopLevel);
  return DescribeDenial(denial, *request.command);
}

void NoteFailedAuthentication(const ExecutionParts& parts, const ClientCard& client, std::string_view object,
                              std::string_view username, DenialContext context) {
  Note(parts, client,
       {.reason = DenialReason::kAuthentication,
        .context = context,
        .object = std::string(object.substr(0, kLongestNoted)),
        .username = std::string(username.substr(0, kLongestNoted))});
}

}  // namespace ringkv::server
