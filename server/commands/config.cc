// SPDX-License-Identifier: MIT
// CONFIG: options while the server runs.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/secrets.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/transaction.h"
#include "server/options/config_rewrite.h"
#include "server/options/option_table.h"
#include "storage/base/glob.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

void Get(AdminCall& call) {
  std::vector<std::pair<std::string_view, const OptionRow*>> shown;
  const auto patterns = call.args.all().subspan(2);
  for (const OptionRow& row : OptionRows()) {
    for (const std::string_view name : {row.name, row.alias}) {
      const auto asked = std::find_if(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
        return !name.empty() && storage::GlobMatches(pattern, name, storage::GlobCase::kInsensitive);
      });
      if (asked == patterns.end()) continue;
      // An option that is asked for by an alias is shown under the alias.
      shown.emplace_back(EqualsIgnoringCase(*asked, name) ? *asked : name, &row);
    }
  }
  call.reply.Map(static_cast<int64_t>(shown.size()));
  for (const auto& [name, row] : shown) {
    call.reply.Bulk(name);
    call.reply.Bulk(OptionValue(call.server.options(), *row));
  }
}

// One of the pairs that CONFIG SET is given.
struct Change {
  const OptionRow* row;
  std::string_view name;  // that of the row which was used
  std::string_view value;
};

std::string SetFailed(const Change& change, const std::string& why) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(change.name) + "') - " + why;
}

// Behind a name that is no option anything may stand: a password with a blank in it that was not quoted, or one whose
// option is misspelt.
void HideSecretValues(std::span<std::string_view> argv) {
  const size_t most = std::min(argv.size(), 2 + 2 * OptionRows().size());
  for (size_t i = 2; i < most; i += 2) {
    const OptionRow* row = FindOption(argv[i]);
    if (row == nullptr) return HideArguments(argv, i);
    if (row->is_secret) HideArguments(argv, i + 1, i + 2);
  }
  HideArguments(argv, most);  // an option that is given twice is an error anyway
}

// Appends the pair. An error is the reply.
std::string AddChange(std::string_view name, std::string_view value, std::vector<Change>* changes) {
  const OptionRow* row = FindOption(name);
  if (row == nullptr) return "ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(name) + "'";
  const Change change{row, EqualsIgnoringCase(name, row->name) ? row->name : row->alias, value};
  if (!row->changeable) {
    return SetFailed(change, row->is_protected ? "can't set protected config" : "can't set immutable config");
  }
  // By its two names an option may be given twice, as in redis-server: the last one counts.
  const bool is_double =
      std::any_of(changes->begin(), changes->end(), [&](const Change& other) { return other.name == change.name; });
  if (is_double) return SetFailed(change, "duplicate parameter");
  changes->push_back(change);
  return {};
}

// Inside EXEC an option that acts on files does so when the locks are released, because the disk may take long.
void LetAct(AdminCall& call, const OptionRow& row) {
  OptionApplier& applier = call.server.option_applier();
  if (!call.in_transaction || !OptionApplier::ActsOnFiles(row)) return applier.Apply(row);
  AfterUnlock(call, [&applier, &row] { applier.Apply(row); });
}

// What the values need together. An error is the reply.
std::string ObtainTogether(OptionApplier& applier, std::span<const Change> changes) {
  std::vector<OptionChange> pairs;
  for (const Change& change : changes) pairs.push_back({change.row, change.value});
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto together = changes[i].row->obtain_together;
    const bool is_done = std::any_of(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(i),
                                     [&](const Change& before) { return before.row->obtain_together == together; });
    if (together == nullptr || is_done) continue;
    const std::string wrong = applier.ObtainTogether(*changes[i].row, pairs);
    if (!wrong.empty()) return SetFailed(changes[i], wrong);
  }
  return {};
}

// Gets from the system what the values need, or changes nothing. An error is the reply.
std::string Obtain(AdminCall& call, std::span<const Change> changes) {
  OptionApplier& applier = call.server.option_applier();
  size_t done = 0;
  std::string failed;
  for (; done < changes.size() && failed.empty(); ++done) {
    const std::string wrong = applier.Obtain(*changes[done].row, changes[done].value);
    if (!wrong.empty()) failed = SetFailed(changes[done], wrong);
  }
  if (failed.empty()) failed = ObtainTogether(applier, changes);
  if (failed.empty()) return {};
  for (const Change& change : changes.first(done)) {
    applier.Obtain(*change.row, OptionValue(call.server.options(), *change.row));
  }
  return failed;
}

// All of the pairs are checked before the first is set, so a failure changes nothing.
void Set(AdminCall& call) {
  if (call.args.size() % 2 != 0) return call.reply.Error(errors::kSyntax);
  std::vector<Change> changes;
  for (size_t i = 2; i < call.args.size(); i += 2) {
    const std::string wrong = AddChange(call.args[i], call.args[i + 1], &changes);
    if (!wrong.empty()) return call.reply.Error(wrong);
  }
  for (const Change& change : changes) {
    const std::optional<std::string> wrong = CheckOption(*change.row, change.value);
    if (wrong) return call.reply.Error(SetFailed(change, *wrong));
  }
  if (const std::string failed = Obtain(call, changes); !failed.empty()) return call.reply.Error(failed);
  for (const Change& change : changes) SetOption(call.server.options(), *change.row, change.value);
  for (const Change& change : changes) LetAct(call, *change.row);
  call.reply.Ok();
}

void ResetStat(AdminCall& call) {
  call.server.ResetStatistics(call.txn);
  call.reply.Ok();
}

void Rewrite(AdminCall& call) {
  if (call.server.config_path().empty()) return call.reply.Error("ERR The server is running without a config file");
  const storage::Result<bool> written = call.server.RewriteConfig();
  if (!written) {
    call.server.log().Warning("CONFIG REWRITE: " + written.error().text);
    return call.reply.Error("ERR Rewriting config file: " + written.error().text);
  }
  call.server.log().Notice("CONFIG REWRITE wrote " + call.server.config_path());
  call.reply.Ok();
}

constexpr uint32_t kAdministers = kAdmin | kNoScript | kLoading | kStale;

constexpr Command kConfigCommands[] = {
    {.name = "config",
     .arity = -2,
     .group = Group::kServer,
     .since = "2.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about options.",
     .is_container = true},
    {.name = "get",
     .parent = "config",
     .arity = -3,
     .flags = kAdministers,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "2.0.0",
     .complexity = "O(N) in the number of parameters given",
     .syntax = "parameter [parameter ...]",
     .summary = "Returns options by name or pattern.",
     .run = Admin(Get)},
    {.name = "help",
     .parent = "config",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "resetstat",
     .parent = "config",
     .arity = 2,
     .flags = kAdministers,
     .scope = Scope::kWalks,
     .group = Group::kServer,
     .since = "2.0.0",
     .summary = "Resets the statistics of INFO.",
     .run = Admin(ResetStat)},
    {.name = "rewrite",
     .parent = "config",
     .arity = 2,
     .flags = kAdministers,
     .group = Group::kServer,
     .since = "2.8.0",
     .summary = "Writes the current options into the configuration file.",
     .run = Admin(Rewrite)},
    {.name = "set",
     .parent = "config",
     .arity = -4,
     .flags = kAdministers,
     .group = Group::kServer,
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     .since = "2.0.0",
     .complexity = "O(N) in the number of parameters given",
     .syntax = "parameter value [parameter value ...]",
     .summary = "Changes options.",
     .hide_secrets = HideSecretValues,
     .run = Admin(Set)},
};
static_assert(RowsAreSound(kConfigCommands));

}  // namespace

std::span<const Command> ConfigCommands() { return kConfigCommands; }

}  // namespace ringkv::server
