// SPDX-License-Identifier: MIT
// All options by name, and their values as texts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/config/options.h"
#include "server/options/option_row.h"

namespace ringkv::server {

std::span<const OptionRow> OptionRows();
const OptionRow* FindOption(std::string_view name);  // in whatever case

// Gives every option its default.
void SetDefaults(Options& options);
// The names of options that were given a value and have nothing to act on here, for one line of the log.
std::string IdleOptionsIn(const Options& options);
// The value as CONFIG GET shows it.
std::string OptionValue(const Options& options, const OptionRow& row);
// The value as a configuration file has it.
std::string WrittenValue(const Options& options, const OptionRow& row);
// Says in one line what is wrong with `value`, or nothing.
std::optional<std::string> CheckOption(const OptionRow& row, std::string_view value);
// `value` has passed CheckOption.
void SetOption(Options& options, const OptionRow& row, std::string_view value);

// Reads "1gb", "64mb", "100" as bytes, as Redis does.
std::optional<int64_t> ParseMemory(std::string_view text);

}  // namespace ringkv::server
