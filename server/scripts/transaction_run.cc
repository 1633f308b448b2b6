// SPDX-License-Identifier: MIT
#include "server/scripts/transaction_run.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/account.h"
#include "server/execution/administration.h"
#include "server/execution/caller.h"
#include "server/execution/long_work.h"
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

  const std::string name;  // as the client has written it
  const Caller caller;
  const Request request;
  Outcome outcome;
  Execution execution;
  std::optional<QueuedRun> queued = std::nullopt;
};

TransactionRun::Work::Work(const Execution& exec, TransactionRun& run)
    : name(exec.argv().front()),
      caller{.parts = exec.caller.parts,
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
                .is_out_of_memory = exec.is_out_of_memory} {}

TransactionRun::TransactionRun(const ExecutionParts& parts, ThreadState& thread)
    : parts_(parts),
      random_(thread.random.Next()),
      txn_(parts.data.store(), 0, random_),
      fiber_(parts.ticks, kTransactionStackBytes) {
  txn_.set_skips_held(true);
}

TransactionRun::~TransactionRun() = default;

void TransactionRun::Body(void* with) { static_cast<TransactionRun*>(with)->work_->queued->Run(); }

void TransactionRun::Prepare(AdminCall& call) {
  txn_.ActLike(call.txn);
  txn_.ForgetDependence();
  reply_.set_protocol(call.session.protocol);
  output_.set_limit(call.pushes.buffer().limit());
}

bool TransactionRun::Begin(AdminCall& call) {
  Prepare(call);
  work_ = std::make_unique<Work>(call.execution, *this);
  work_->queued.emplace(work_->execution, static_cast<Turns*>(this));
  if (!work_->queued->Lock()) {
    Clear();
    return false;
  }
  Start(call);
  return true;
}

void TransactionRun::GoOnWith(AdminCall& call, QueuedRun stopped) {
  Prepare(call);
  txn_.GoOnFrom(call.txn);
  txn_.TakeOver();
  resp::Buffer& begun = call.pushes.buffer();
  output_.Append(begun.Readable().substr(stopped.reply_begin()));
  begun.TruncateTo(stopped.reply_begin());
  work_ = std::make_unique<Work>(call.execution, *this);
  work_->outcome = std::exchange(call.outcome, outcome::Done());
  work_->queued.emplace(work_->execution, static_cast<Turns&>(*this), std::move(stopped));
  Start(call);
}

void TransactionRun::Start(AdminCall& call) {
  fiber_.Begin(parts_.ticks.Now());
  call.execution.has_run_queued = true;
  progress_ = Enter();
}

SlicedRun::Progress TransactionRun::Enter() {
  if (fiber_.Enter(&Body, this)) return Progress::kEnded;
  return fiber_.waits() ? Progress::kWaits : Progress::kSuspended;
}

SlicedRun::Progress TransactionRun::Resume() {
  if (elsewhere_.is_under_way()) return Progress::kWaits;
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

bool TransactionRun::DoElsewhere(const std::function<void()>& work) {
  elsewhere_.Begin(parts_, txn_, work);
  const bool goes_on = fiber_.Suspend(true);
  txn_.TakeOver();
  return goes_on;
}

std::shared_ptr<ClientCard> TransactionRun::client() const { return work_->caller.session.card; }

// --- the end --------------------------------------------------------------------------------------------------------

void TransactionRun::Finish(AdminCall& call) {
  work_->queued->End();
  call.txn.DependOn(txn_.depends_on());
  call.pushes.set_protocol(call.session.protocol);
  call.pushes.Raw(output_.Readable());
  if (!work_->outcome.is_done()) call.outcome = std::move(work_->outcome);
  if (output_.has_overflowed()) call.outcome = outcome::Close{.at_once = true};
  AdministerAfter(call, work_->queued->TakeAdministration());
  Clear();
}

// Monitors see it behind its commands.
void TransactionRun::Show() {
  const Caller& caller = work_->caller;
  const std::string_view argv[] = {work_->name};
  TellMonitors(parts_, *work_->execution.entry->row, argv, caller.session.db, *caller.session.card);
}

void TransactionRun::FinishLate() {
  Show();
  // Before the unlocking, as in Retry: the answer may be delivered in a later term, which did not assign its LSN.
  const uint32_t term = parts_.replication.quorum_term();
  work_->queued->End();
  parts_.long_work.FreeLater(std::make_shared<QueuedRun::Commands>(work_->queued->TakeCommands()));
  Answer({.lsn = txn_.depends_on(),
          .term = term,
          .is_accounted = true,
          .nanoseconds = fiber_.LateNanoseconds(),
          .ends_connection = std::holds_alternative<outcome::Close>(work_->outcome),
          .long_reply = std::make_shared<resp::Buffer>(std::move(output_)),
          .is_as_wanted = true});
  Clear();
}

void TransactionRun::Answer(LateAnswer answer) {
  std::vector<std::function<void()>> work = work_->queued->TakeAdministration();
  const std::shared_ptr<ClientCard>& client = work_->caller.session.card;
  if (work.empty()) return parts_.links.Answer(*client, std::move(answer));
  parts_.administration.Do(Administration::Lane::kRoles,
                           [&links = parts_.links, client, work = std::move(work), answer = std::move(answer)] {
                             for (const auto& each : work) each();
                             links.Answer(*client, answer);
                           });
}

bool TransactionRun::Abandon() {
  elsewhere_.WaitForEnd();
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
  txn_.set_looks_again(false);
}

}  // namespace ringkv::server
