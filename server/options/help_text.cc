// SPDX-License-Identifier: MIT
#include "server/options/help_text.h"

#include <algorithm>

#include "server/options/option_row.h"
#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kUsage =
    "Usage: ringkv-server [FILE] [-] [--option value ...]\n\n"
    "FILE has the syntax of redis.conf; - reads it from standard input. Options of the\n"
    "command line win. RINGKV_NAME=value in the environment sets an option as well.\n\n"
    "  --help            shows this help; --help all every option,\n"
    "                    --help WORD those with the word in their names\n"
    "  --version         shows the version\n\n";

// What most servers are given.
constexpr std::string_view kCommonNames[] = {"port",       "bind",       "requirepass",      "dir",
                                             "save",       "appendonly", "appendfsync",      "maxmemory",
                                             "maxclients", "io-threads", "maxmemory-policy", "replicaof",
                                             "masterauth", "http-port",  "tls-port",         "cluster-enabled",
                                             "logfile",    "databases"};
constexpr size_t kNameColumns = 18;

// The first statement of a summary.
std::string_view FirstStatement(std::string_view summary) { return summary.substr(0, summary.find_first_of(".;:,")); }

std::string CommonLine(const OptionRow& row) {
  std::string line = "  --" + std::string(row.name);
  line.resize(std::max(line.size() + 1, kNameColumns + 2), ' ');
  return line.append(FirstStatement(row.summary)).append("\n");
}

std::string FullEntry(const OptionRow& row) {
  std::string text = "  --" + std::string(row.name) + " (" +
                     (row.default_value.empty() ? "\"\"" : std::string(row.default_value)) + ")\n      " +
                     std::string(row.summary) + "\n";
  if (!row.choices.empty()) text += "      One of: " + std::string(row.choices) + "\n";
  return text;
}

std::string CommonOptions() {
  std::string text = "Common options:\n";
  for (const std::string_view name : kCommonNames) {
    for (const OptionRow& row : OptionRows()) {
      if (row.name == name) text += CommonLine(row);
    }
  }
  return text;
}

}  // namespace

std::string HelpText(std::string_view word) {
  if (word.empty()) return std::string(kUsage) + CommonOptions();
  const bool is_all = word == "all";
  std::string acting;
  std::string idle;
  for (const OptionRow& row : OptionRows()) {
    if (!is_all && row.name.find(word) == std::string_view::npos) continue;
    KindOf(row) == OptionKind::kActs ? acting += FullEntry(row) : idle += " " + std::string(row.name);
  }
  if (acting.empty() && idle.empty()) return "No option has '" + std::string(word) + "' in its name.\n";
  std::string text = acting.empty() ? "" : "Options (with defaults):\n" + acting;
  if (!idle.empty()) {
    text += "\nKnown, so that configurations of Redis can be used, but with nothing to act on here:\n " + idle + "\n";
  }
  return text;
}

}  // namespace ringkv::server
