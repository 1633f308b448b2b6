// SPDX-License-Identifier: MIT
// How a command hands its work to Administration.
#pragma once

#include <functional>

#include "resp/reply_writer.h"
#include "server/execution/administration.h"

namespace ringkv::server {

struct AdminCall;

// It writes the reply.
using AdministrativeWork = std::function<void(resp::ReplyWriter& reply)>;

// Does the work of a command, and replies what it writes. A command of a transaction replies OK at once, and EXEC is
// answered when the work is done, behind the end of its locks. A caller that can't be answered later waits.
void Administer(AdminCall& call, Administration::Lane lane, AdministrativeWork work);

}  // namespace ringkv::server
