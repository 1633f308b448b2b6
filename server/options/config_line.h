// SPDX-License-Identifier: MIT
// One line of a configuration: its words, and what is said of a bad one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/options/option_row.h"

namespace ringkv::server {

// The error text for an invalid value; `name`: the option's name in the source. Secrets are not shown.
std::string BadValue(const OptionRow& row, std::string_view value, const std::string& name, const std::string& why);
// The unquoted words of a line; none if quotes are unbalanced.
std::optional<std::vector<std::string>> SplitConfigLine(std::string_view line);

}  // namespace ringkv::server
