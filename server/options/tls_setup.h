// SPDX-License-Identifier: MIT
// The TLS context that the options ask for: made as a whole before anything changes, so a file that can't be used
// leaves the one before in place.
#pragma once

#include <span>
#include <string>

#include "server/options/option_row.h"
#include "storage/base/result.h"

namespace ringkv::server {

// At the start. Without an option that asks for TLS there is nothing to load.
storage::Status SetUpTls(Options& options);
// For CONFIG SET: loads the context anew, and listens on another tls-port. Says why it can't.
std::string ObtainTls(const OptionParts& parts, const Options& options, std::span<const OptionChange> changes);

}  // namespace ringkv::server
