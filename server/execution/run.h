// SPDX-License-Identifier: MIT
// Builds the call of a data command's handler.
#pragma once

#include <span>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

struct ExecutionParts;

DataCall MakeCall(const ExecutionParts& parts, storage::Txn& txn, std::span<const std::string_view> argv,
                  storage::DbIndex db, resp::ReplyWriter& reply);

}  // namespace ringkv::server
