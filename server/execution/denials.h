// SPDX-License-Identifier: MIT
// The answers to requests that the user may not execute, and their entries in ACL LOG.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/base/needs.h"
#include "server/execution/execution_parts.h"
#include "server/session/session.h"
#include "server/users/acl_check.h"
#include "server/users/denial_log.h"

namespace ringkv::server {

// The permissions of the session's user, if he may not do everything; null: no request of his is refused for them. They
// stay valid until the next call.
inline const Permissions* RestrictedUser(const ExecutionParts& parts, Session& session) {
  if ((parts.needs.Get() & kNeedsPermission) == 0 || session.user.account() == nullptr) return nullptr;
  const Permissions& permissions = session.user.Current(parts.users);
  return permissions.AllowAll() ? nullptr : &permissions;
}
// Why the session's user may not execute the request; it is noted in ACL LOG then. `client`: whose line is shown there.
Denial CheckPermission(const ExecutionParts& parts, Session& session, const ClientCard& client,
                       const CommandEntry& entry, std::span<const std::string_view> argv, DenialContext context);

// "NOPERM this user has no permissions to ...".
std::string DescribeDenial(const Denial& denial, const CommandEntry& entry);

// Likewise, of a queued command at EXEC.
std::string DescribeLateDenial(const Denial& denial);

// The error for a blocked client whose user may not execute its request any more, which is noted; empty while he may.
std::string DenyBlocked(const ExecutionParts& parts, const WaitingRequest& request,
                        std::span<const std::string_view> argv);

// A failed AUTH or HELLO, or one over HTTP. `object`: the command, or the line of the head.
void NoteFailedAuthentication(const ExecutionParts& parts, const ClientCard& client, std::string_view object,
                              std::string_view username, DenialContext context);

}  // namespace ringkv::server
