// SPDX-License-Identifier: MIT
// The rows of options by topic; each topic is defined in a source of its own.
#pragma once

#include <span>

#include "server/options/option_row.h"

namespace ringkv::server {

std::span<const OptionRow> NetworkOptions();
std::span<const OptionRow> TlsOptions();
std::span<const OptionRow> HttpOptions();
std::span<const OptionRow> ClientOptions();
std::span<const OptionRow> ProcessOptions();
std::span<const OptionRow> HostOptions();
std::span<const OptionRow> KeyspaceOptions();
std::span<const OptionRow> EncodingOptions();
std::span<const OptionRow> ObservationOptions();
std::span<const OptionRow> PersistenceOptions();
std::span<const OptionRow> ReplicationOptions();
std::span<const OptionRow> CoordinatorOptions();
std::span<const OptionRow> ClusterOptions();
std::span<const OptionRow> ScriptOptions();
std::span<const OptionRow> IdleOptions();
std::span<const OptionRow> RefusedOptions();

}  // namespace ringkv::server
