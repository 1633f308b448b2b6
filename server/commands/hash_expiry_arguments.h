// SPDX-License-Identifier: MIT
// Arguments of commands about fields of hashes that expire.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/command/arguments.h"
#include "server/command/command.h"
#include "server/command/expiry_time.h"

namespace ringkv::server {

// The fields of "FIELDS numfields field ...", from the cursor to the end. On failure writes the error, which is
// `not_positive` for their number, and returns none.
std::optional<Arguments::View> ParseFields(
    DataCall& call, std::string_view command,
    std::string_view not_positive = "ERR Number of fields must be a positive integer");

// When fields expire, which may be over already. On failure writes the error and returns none.
std::optional<storage::UnixMs> ParseFieldExpiry(DataCall& call, std::string_view text, TimeUnit unit,
                                                std::string_view command);

}  // namespace ringkv::server
