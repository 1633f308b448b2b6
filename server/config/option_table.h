// SPDX-License-Identifier: MIT
// A row an option. The configuration file, the command line, CONFIG GET, SET and REWRITE, and the reference page all
// derive from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/options.h"
#include "storage/result.h"

namespace ringkv::server {

enum class OptionKind : uint8_t {
  kInteger,
  kOctal,    // file permissions
  kMemory,   // bytes, with kb, mb, gb as in Redis
  kBoolean,  // yes or no
  kChoice,
  kText,
};

struct OptionRow {
  std::string_view name;
  OptionKind kind;
  std::string_view default_value;
  std::string_view alias = {};  // an older name, by which it is found too
  int64_t least = 0;
  int64_t most = INT64_MAX;
  std::string_view choices = {};  // separated by spaces; the value is the index
  bool changeable = false;        // by CONFIG SET
  bool is_secret = false;         // never shown but to who asks by CONFIG GET
  bool is_list = false;           // of words between blanks
  bool takes_percent = false;     // of maxmemory, instead of bytes: the number is negative then
  bool accumulates = false;       // a further line in a file adds to the value; an empty one begins anew
  std::string_view summary;
  std::variant<SharedNumber Options::*, SharedText Options::*> field;
  // Says what is wrong with a text, beyond its kind; empty if nothing.
  std::string (*check)(std::string_view value) = nullptr;
  // Gets from the system what CONFIG SET's value, which has passed the check, needs; says why if it can't.
  std::string (*obtain)(const Options& options, std::string_view value) = nullptr;
  // How CONFIG GET shows a text that has passed the check, if not as it was given.
  std::string (*normalized)(std::string_view value) = nullptr;
};

std::span<const OptionRow> OptionRows();
const OptionRow* FindOption(std::string_view name);  // in whatever case

// Gives every option its default.
void SetDefaults(Options& options);
// The value as CONFIG GET shows it.
std::string OptionValue(const Options& options, const OptionRow& row);
// Says in one line what is wrong with `value`, or nothing.
std::optional<std::string> CheckOption(const OptionRow& row, std::string_view value);
// `value` has passed CheckOption.
void SetOption(Options& options, const OptionRow& row, std::string_view value);

// Reads "1gb", "64mb", "100" as bytes, as Redis does.
std::optional<int64_t> ParseMemory(std::string_view text);

}  // namespace ringkv::server
