// SPDX-License-Identifier: MIT
#include "server/session/transaction_queue.h"

#include <cstring>
#include <utility>

#include "server/command/command_table.h"

namespace ringkv::server {

void TransactionQueue::Add(const CommandEntry& command, std::span<const std::string_view> argv) {
  size_t size = 0;
  for (const std::string_view argument : argv) size += argument.size();
  Queued queued{&command, std::make_unique<char[]>(size), {}};
  queued.argv.reserve(argv.size());
  char* at = queued.bytes.get();
  for (const std::string_view argument : argv) {
    if (!argument.empty()) std::memcpy(at, argument.data(), argument.size());
    queued.argv.emplace_back(at, argument.size());
    at += argument.size();
  }
  const bool runs_while_replacing = command.row->Has(kRunsWhileReplacing);
  needs_ |= runs_while_replacing ? command.needs & ~uint32_t{kNeedsLoaded} : command.needs;
  // Commands about functions may wait for the codes of libraries.
  runs_long_commands_ =
      runs_long_commands_ || command.row->Has(kRunsScript | kAnswersLate) || command.row->group == Group::kScripting;
  bytes_ += size + argv.size() * sizeof(std::string_view) + sizeof(Queued);
  commands_.push_back(std::move(queued));
}

std::vector<TransactionQueue::Queued> TransactionQueue::Close() {
  is_open_ = false;
  has_failed_ = false;
  runs_long_commands_ = false;
  needs_ = 0;
  bytes_ = 0;
  return std::exchange(commands_, {});
}

}  // namespace ringkv::server
