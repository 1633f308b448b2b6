// SPDX-License-Identifier: MIT
#include "server/scripts/transaction_run.h"

#include <string>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/administration.h"
#include "server/execution/caller.h"
#include "server/execution/outcome.h"
#include "server/execution/request.h"
#include "server/execution/stages.h"
#include "server/execution/transaction.h"
#include "server/lua/lua_state.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

// Any command that may be queued runs on it; scripts have their own.
constexpr size_t kTransactionStackBytes = kLuaStackBytes + 512 * 1024;
constexpr size_t kTransactionReplyKept = 64 * 1024;

}  // namespace

// On whose behalf the commands are executed.
struct TransactionRun::Work {
  Work(const Execution& exec, TransactionRun& run);

  const Caller caller;
  const Request request;
  Outcome outcome;
  Execution execution;
  QueuedRun queued;
};

TransactionRun::Work::Work(const Execution& exec, TransactionRun& run)
    : caller{.parts = exec.caller.parts,
             .thread = exec.caller.thread,
             .session = exec.caller.session,
             .reply = run.reply_,
             .pushes = &run.reply_,
             .may_wait = true,
             .may_ask_others = exec.caller.may_ask_others,
             .own_txn = &run.txn_},
      request{.argv = {}, .entry = exec.entry, .is_looked_up = true},
      execution{.caller = caller,
                .request = request,
                .outcome = outcome,
                .entry = exec.entry,
                .was_asking = exec.was_asking,
                .is_out_of_memory = exec.is_out_of_memory},
      queued(execution, &run) {}

TransactionRun::TransactionRun(const ExecutionParts& parts, ThreadState& thread)
    : parts_(parts), txn_(parts.data.store(), 0, thread.random), fiber_(parts.ticks, kTransactionStackBytes) {
  txn_.set_skips_held(true);
}

TransactionRun::~TransactionRun() = default;

void TransactionRun::Body(void* with) { static_cast<TransactionRun*>(with)->work_->queued.Run(); }

bool TransactionRun::Begin(AdminCall& call) {
  txn_.ActLike(call.txn);
  txn_.ForgetDependence();
  reply_.set_protocol(call.session.protocol);
  output_.set_limit(call.pushes.buffer().limit());
  work_ = std::make_unique<Work>(call.execution, *this);
  if (!work_->queued.Lock()) {
    Clear();
    return false;
  }
  fiber_.Begin(parts_.ticks.Now());
  call.execution.has_run_queued = true;
  progress_ = Enter();
  return true;
}

SlicedRun::Progress TransactionRun::Enter() {
  if (fiber_.Enter(&Body, this)) return Progress::kEnded;
  return fiber_.waits() ? Progress::kWaits : Progress::kSuspended;
}

SlicedRun::Progress TransactionRun::Resume() {
  fiber_.BeginSlice();
  return Enter();
}

// --- turns ----------------------------------------------------------------------------------------------------------

bool TransactionRun::GoOn() {
  return fiber_.IsSliceOver(fiber_.SliceNanoseconds()) ? Suspend(false) : !fiber_.is_abandoned();
}

bool TransactionRun::Suspend(bool waits) {
  txn_.HoldForLong();
  return fiber_.Suspend(waits);
}

std::shared_ptr<ClientCard> TransactionRun::client() const { return work_->caller.session.card; }

// --- the end --------------------------------------------------------------------------------------------------------

void TransactionRun::Finish(AdminCall& call) {
  work_->queued.End();
  call.txn.DependOn(txn_.depends_on());
  call.pushes.set_protocol(call.session.protocol);
  call.pushes.Raw(output_.Readable());
  if (!work_->outcome.is_done()) call.outcome = std::move(work_->outcome);
  if (output_.has_overflowed()) call.outcome = outcome::Close{.at_once = true};
  AdministerAfter(call, work_->queued.TakeAdministration());
  Clear();
}

void TransactionRun::FinishLate() {
  // Before the unlocking, as in Retry: the answer may be delivered in a later term, which did not assign its LSN.
  const uint32_t term = parts_.replication.quorum_term();
  work_->queued.End();
  const bool has_overflowed = output_.has_overflowed();
  Answer({.reply = has_overflowed ? std::string() : std::string(output_.Readable()),
          .lsn = txn_.depends_on(),
          .term = term,
          .is_accounted = true,
          .nanoseconds = fiber_.LateNanoseconds(),
          .ends_connection = std::holds_alternative<outcome::Close>(work_->outcome) || has_overflowed});
  Clear();
}

void TransactionRun::Answer(LateAnswer answer) {
  std::vector<std::function<void()>> work = work_->queued.TakeAdministration();
  const std::shared_ptr<ClientCard>& client = work_->caller.session.card;
  if (work.empty()) return parts_.links.Answer(*client, std::move(answer));
  parts_.administration.Do(Administration::Lane::kRoles,
                           [&links = parts_.links, client, work = std::move(work), answer = std::move(answer)] {
                             for (const auto& each : work) each();
                             links.Answer(*client, answer);
                           });
}

bool TransactionRun::Abandon() {
  fiber_.Abandon();
  while (fiber_.is_under_way()) Enter();
  if (!txn_.MayRollback()) return false;
  txn_.Rollback();
  Clear();
  return true;
}

void TransactionRun::Clear() {
  work_.reset();
  output_.TruncateTo(0);
  output_.ForgetOverflow();
  output_.ShrinkTo(kTransactionReplyKept);
  reply_ = resp::ReplyWriter(output_, 2);
}

}  // namespace ringkv::server
