// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>

#include "server/base/text.h"
#include "server/command/error_replies.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

constexpr size_t kLongestShown = 128;

// Requests of another protocol, which a web page can make a browser send.
bool IsHttp(std::string_view word) { return EqualsIgnoringCase(word, "host:") || EqualsIgnoringCase(word, "post"); }

// As in Redis a NUL byte ends what is shown.
std::string Shorten(std::string_view text, size_t most) {
  return std::string(text.substr(0, std::min(most, text.find('\0'))));
}

bool RejectUnknown(Execution& execution) {
  const auto argv = execution.argv();
  if (IsHttp(argv[0])) {
    execution.parts().log.Warning("closing " + execution.session().card->address +
                                  ": it speaks HTTP to the Redis port; somebody may be trying to attack through a "
                                  "browser");
    execution.outcome = outcome::Close{.at_once = true};
    return false;
  }
  if (const CommandEntry* container = execution.parts().commands.FindName(argv[0])) {
    return Reject(execution, "ERR unknown subcommand '" + std::string(argv[1].substr(0, kLongestShown)) + "'. Try " +
                                 UpperCase(container->row->name) + " HELP.");
  }
  std::string shown;
  for (size_t i = 1; i < argv.size() && shown.size() < kLongestShown; ++i) {
    shown += "'" + Shorten(argv[i], kLongestShown - shown.size()) + "' ";
  }
  return Reject(execution,
                "ERR unknown command '" + Shorten(argv[0], kLongestShown) + "', with args beginning with: " + shown);
}

}  // namespace

bool FindCommand(Execution& execution) {
  const Request& request = execution.request;
  execution.entry = request.is_looked_up ? request.entry : execution.parts().commands.Find(request.argv);
  // As in Redis, CLIENT LIST also shows a command that is refused, and NULL for an unknown one.
  const Command* const row_or_null = execution.entry == nullptr ? nullptr : execution.entry->row;
  execution.session().card->last_command.store(row_or_null, std::memory_order_relaxed);
  if (execution.entry == nullptr) return RejectUnknown(execution);
  const Command& row = execution.row();
  if (row.ArityFits(request.argv.size()) && !row.is_container) return true;
  return Refuse(execution, errors::WrongArity(execution.entry->full_name));
}

}  // namespace ringkv::server
