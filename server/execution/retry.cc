// SPDX-License-Identifier: MIT
#include "server/execution/retry.h"

#include <string>
#include <vector>

#include "server/execution/denials.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"

namespace ringkv::server {

namespace {

// Whether a new request of this kind would be postponed now. The keys must be locked: a thread that is no I/O thread
// isn't waited for by MIGRATE, which locks them for its copy, so this comes before the copy or sees the fence.
bool IsHeldBack(const WaitingRequest& request, const ExecutionParts& parts, std::span<const std::string_view> argv) {
  constexpr uint32_t kPostpones = kNeedsWritable | kNeedsLogRoom | kNeedsNoPause | kNeedsNoWritePause;
  const Command& row = *request.command->row;
  const uint32_t unmet = request.command->needs & parts.needs.Get();
  if (!row.Is(kWrite) || unmet == 0) return false;
  return (unmet & kPostpones) != 0 || ((unmet & kNeedsNoFence) != 0 && WritesToFencedKey(parts.key_fence, row, argv));
}

}  // namespace

RetryResult Retry(const WaitingRequest& request, const ExecutionParts& parts, storage::Txn& txn) {
  const Command& row = *request.command->row;
  const std::vector<std::string_view> argv(request.argv.begin(), request.argv.end());
  resp::Buffer answer;
  resp::ReplyWriter reply(answer, request.protocol);
  if (const std::string denied = DenyBlocked(parts, request, argv); !denied.empty()) {
    reply.Error(denied);
    return {.answer =
                LateAnswer{.reply = std::string(answer.Readable()), .error = std::string(reply.last_error_code())}};
  }
  KeyWaitPlan plan{.is_retry = true};
  DataCall call = MakeCall(parts, txn, argv, request.db, reply);
  call.wait = &plan;
  if (!LockKeysOf(row, argv, txn)) return {.is_held_back = true};
  if (IsHeldBack(request, parts, argv)) {
    txn.Unlock();
    return {.answer = std::nullopt, .is_held_back = true};
  }
  const uint64_t start = parts.ticks.Now();
  {
    const KeyEvents::Scope events(parts.key_events, txn, kNoThread);
    row.run.data(call);
  }
  const uint64_t end = parts.ticks.Now();
  // Before the unlocking: the answer may be delivered in a later term, which did not assign its LSN.
  const uint32_t term = parts.replication.quorum_term();
  txn.Unlock();
  if (plan.would_wait) return {};
  return {.answer = LateAnswer{
              .reply = std::string(answer.Readable()),
              .lsn = txn.depends_on(),
              .term = term,
              .error = reply.errors() == 0 ? std::nullopt : std::optional<std::string>(reply.last_error_code()),
              .is_accounted = true,
              .nanoseconds = parts.ticks.Nanoseconds(end - start)}};
}

}  // namespace ringkv::server
