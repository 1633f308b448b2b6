// SPDX-License-Identifier: MIT
// The row of an option: everything the server knows about it. The configuration file, the command line, CONFIG GET, SET
// and REWRITE, the reference page and what a change does all derive from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/config/options.h"
#include "server/options/option_action.h"

namespace ringkv::server {

// The word for "as the server thinks best", where a row takes it.
constexpr std::string_view kAuto = "auto";

enum class OptionType : uint8_t {
  kInteger,
  kOctal,    // file permissions
  kMemory,   // bytes, with kb, mb, gb as in Redis
  kBoolean,  // yes or no
  kChoice,
  kText,
};

struct OptionRow;

// One of the pairs of a CONFIG SET, which has passed the check.
struct OptionChange {
  const OptionRow* row;
  std::string_view value;
};

struct OptionRow {
  std::string_view name;
  OptionType type;
  std::string_view default_value;
  std::string_view alias = {};  // an older name, by which it is found too
  int64_t least = 0;
  int64_t most = INT64_MAX;
  struct Bounds {
    int64_t least = INT64_MIN;
    int64_t most = INT64_MAX;
  };
  Bounds taken_within = {};       // other numbers are clamped to these bounds
  std::string_view choices = {};  // separated by spaces; the value is the index
  bool changeable = false;        // by CONFIG SET
  bool is_protected = false;      // reported as protected, not as immutable, as in redis-server
  bool is_secret = false;         // shown by CONFIG GET only
  bool is_list = false;           // of words between blanks
  bool takes_percent = false;     // of maxmemory, instead of bytes: the number is negative then
  bool takes_auto = false;        // instead of a number; `set` says what that means
  bool accumulates = false;       // a further line in a file adds to the value; an empty one begins anew
  std::string_view summary;
  // Where the value is, for those who use it. None: nothing here uses it; it is checked and kept (Options::kept).
  std::variant<std::monostate, SharedNumber Options::*, SharedText Options::*> field = {};
  // Set: a value other than the default would promise what this server does not do, so it is refused with this text.
  std::string_view instead = {};
  // Says what is wrong with a text, beyond its type; empty if nothing.
  std::string (*check)(std::string_view value) = nullptr;
  // Gets from the system what CONFIG SET's value, which has passed the check, needs; says why if it can't.
  std::string (*obtain)(const OptionParts& parts, const Options& options, std::string_view value) = nullptr;
  // Likewise, for options that only mean something together: called once for all pairs of a CONFIG SET.
  std::string (*obtain_together)(const OptionParts& parts, const Options& options,
                                 std::span<const OptionChange> changes) = nullptr;
  // Sets a value that has passed the check, where more is to be set than the value.
  void (*set)(Options& options, std::string_view value) = nullptr;
  // How CONFIG GET shows a text that has passed the check, if not as it was given.
  std::string (*normalized)(std::string_view value) = nullptr;
  // How a configuration file has the value, if not as CONFIG GET shows it.
  std::string (*written)(const Options& options) = nullptr;
  OptionAct apply = {};
};

enum class OptionKind : uint8_t {
  kActs,
  kIdle,     // nothing here for it to act on: every value that redis-server takes is taken
  kRefused,  // only the default is taken
};

constexpr OptionKind KindOf(const OptionRow& row) {
  if (!std::holds_alternative<std::monostate>(row.field)) return OptionKind::kActs;
  return row.instead.empty() ? OptionKind::kIdle : OptionKind::kRefused;
}

}  // namespace ringkv::server
