// SPDX-License-Identifier: MIT
#include "server/execution/retry.h"

#include <string>
#include <vector>

#include "server/blocking/waiting_clients.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"

namespace ringkv::server {

std::optional<LateAnswer> Retry(const WaitingRequest& request, const ExecutionParts& parts, storage::Txn& txn) {
  const Command& row = *request.command->row;
  const std::vector<std::string_view> argv(request.argv.begin(), request.argv.end());
  resp::Buffer answer;
  resp::ReplyWriter reply(answer, request.protocol);
  if ((parts.needs.Get() & kNeedsNoFence) != 0 && WritesToFencedKey(parts.key_fence, row, argv)) {
    parts.key_fence.NoteHeldBack();
    return std::nullopt;
  }
  KeyWaitPlan plan{.is_retry = true};
  DataCall call = MakeCall(parts, txn, argv, request.db, reply);
  call.wait = &plan;
  LockKeys(row, {.argv = argv}, txn);
  const uint64_t start = parts.ticks.Now();
  {
    const KeyEvents::Scope events(parts.key_events, txn, kNoThread);
    row.run.data(call);
  }
  const uint64_t end = parts.ticks.Now();
  txn.Unlock();
  if (plan.would_wait) return std::nullopt;
  return LateAnswer{.reply = std::string(answer.Readable()),
                    .lsn = txn.depends_on(),
                    .error = reply.errors() == 0 ? "" : std::string(reply.last_error_code()),
                    .is_accounted = true,
                    .nanoseconds = parts.ticks.Nanoseconds(end - start)};
}

}  // namespace ringkv::server
