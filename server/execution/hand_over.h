// SPDX-License-Identifier: MIT
// Requests while the role of this primary is handed over (FAILOVER), and those of its clients after that: they wait,
// and then go to the new primary.
#pragma once

#include <optional>

#include "server/execution/execution.h"
#include "server/session/session.h"

namespace ringkv::server {

// Whether another node can take the client over as it is.
bool IsPortable(const Session& session);

// Nothing: the request is none of those, and is admitted as any other. Else whether it goes on here.
std::optional<bool> FollowHandOver(Execution& execution);

}  // namespace ringkv::server
