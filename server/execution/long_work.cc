// SPDX-License-Identifier: MIT
#include "server/execution/long_work.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "resp/reply_builder.h"
#include "server/base/scheduling.h"
#include "server/blocking/waiting_clients.h"
#include "server/execution/lent_input.h"
#include "server/execution/stages.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::MutexLock;

// Of the scheduler: a client of another key may wait so long for a processor that has a thread for long work.
constexpr std::chrono::microseconds kSlice{500};

struct LongWork::Command {
  Command(Execution& execution, WatchedKeys& watched_keys)
      : entry(*execution.entry),
        argv(execution.argv().begin(), execution.argv().end()),
        session(execution.session().card, watched_keys),
        random(execution.thread().random.Next()),
        txn(execution.parts().data.store(), execution.caller.txn().now(), random),
        is_out_of_memory(execution.is_out_of_memory),
        wants_value(execution.reply().builds_value()),
        most_reply_bytes(wants_value ? execution.reply().builder().left() : execution.reply().buffer().limit()) {
    static_cast<SessionSettings&>(session) = execution.session();
    session.checked_needs = execution.session().checked_needs;
    txn.GoOnFrom(execution.caller.txn());
    for (const std::string_view word : argv) text_bytes += word.size();
    text_bytes > kMostCopied ? BorrowArguments() : CopyArguments();
  }

  // Many bytes are not copied by a thread of clients. An inline request, whose words its parser keeps, is not so long.
  static constexpr size_t kMostCopied = 64 * 1024;
  void BorrowArguments() { input = std::make_shared<LentInput>(); }
  void CopyArguments() {
    copies.reserve(text_bytes);  // no view into it may move
    for (std::string_view& word : argv) {
      const size_t at = copies.size();
      copies.append(word);
      word = std::string_view(copies).substr(at, word.size());
    }
  }

  size_t MemoryBytes() const { return text_bytes + argv.size() * sizeof(std::string_view); }

  const CommandEntry& entry;
  std::vector<std::string_view> argv;  // into one of the following two
  size_t text_bytes = 0;
  std::string copies;
  std::shared_ptr<LentInput> input;  // null: the arguments are copies
  Session session;
  storage::Random random;
  storage::Txn txn;
  const bool is_out_of_memory;
  const bool wants_value;  // its reply, instead of bytes
  const size_t most_reply_bytes;
};

LongWork::LongWork(const ExecutionParts& parts, WatchedKeys& watched_keys,
                   std::span<const std::unique_ptr<ThreadState>> states, Execute execute,
                   std::function<void()> on_thread)
    : parts_(parts),
      watched_keys_(watched_keys),
      states_(states),
      execute_(execute),
      on_thread_(std::move(on_thread)) {}

LongWork::~LongWork() { Stop(); }

// --- by threads of clients ------------------------------------------------------------------------------------------

bool LongWork::Reserve() {
  MutexLock lock(mutex_);
  if (stopping_ || reserved_ >= states_.size() || GivesWay()) {
    has_refused_ = true;
    return false;
  }
  ++reserved_;
  return true;
}

bool LongWork::GivesWay() const {
  return parts_.data.store().long_holds().has_starving() || parts_.long_holds.HasStarvingWalk(parts_.clock.SteadyMs());
}

void LongWork::Take(Execution& execution, bool has_looked) {
  if (!Reserve()) {
    execution.Postpone();
    return;
  }
  const auto command = std::make_shared<Command>(execution, watched_keys_);
  command->txn.set_looks_again(has_looked);
  auto request = std::make_shared<WaitingRequest>();
  request->client = execution.session().card;
  request->command = execution.entry;
  request->memory_bytes = command->MemoryBytes();
  execution.outcome = outcome::LateReply{.request = std::move(request), .is_running = true, .input = command->input};
  MutexLock lock(mutex_);
  Add([this, command](ThreadState& thread) { RunCommand(*command, thread); });
}

void LongWork::Do(std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      ++reserved_;
      return Add([work = std::move(work)](ThreadState&) { work(); });
    }
  }
  work();  // the server ends
}

void LongWork::Add(std::function<void(ThreadState& thread)> run) {
  jobs_.push_back({.number = next_number_++, .run = std::move(run)});
  if (threads_.size() < std::min(reserved_, states_.size())) StartThread();
  changed_.notify_one();
}

void LongWork::StartThread() {
  threads_.emplace_back([this, index = threads_.size()] { RunThread(index); });
}

void LongWork::FreeLater(std::shared_ptr<void> object) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  to_free_.push_back(std::move(object));
  if (threads_.empty()) StartThread();
  changed_.notify_one();
}

// --- the threads ----------------------------------------------------------------------------------------------------

std::optional<LongWork::Job> LongWork::Next(size_t index) {
  std::vector<std::shared_ptr<void>> to_free;
  for (;;) {
    to_free.clear();  // without the lock
    MutexLock lock(mutex_);
    while (jobs_.empty() && to_free_.empty() && !stopping_) mutex_.Wait(changed_);
    if (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      under_way_[index] = job.number;
      return job;
    }
    if (stopping_) return std::nullopt;
    to_free.swap(to_free_);
  }
}

void LongWork::RunThread(size_t index) {
  NameThisThread("long-" + std::to_string(index));
  storage::CountMemoryOfThisThread();
  RunInSlices(kSlice);
  on_thread_();
  while (std::optional<Job> job = Next(index)) {
    job->run(*states_[index]);
    job.reset();
    NoteEnd(index);
  }
}

void LongWork::NoteEnd(size_t index) {
  bool has_refused = false;
  std::vector<std::function<void()>> due;
  {
    MutexLock lock(mutex_);
    --reserved_;
    under_way_[index] = 0;
    has_refused = std::exchange(has_refused_, false);
    const uint64_t oldest = OldestUnderWay();
    const auto split =
        std::partition(after_.begin(), after_.end(), [oldest](const auto& each) { return each.first > oldest; });
    for (auto at = split; at != after_.end(); ++at) due.push_back(std::move(at->second));
    after_.erase(split, after_.end());
  }
  if (has_refused) parts_.links.ResumePaused();
  for (const auto& then : due) then();
}

void LongWork::RunCommand(Command& command, ThreadState& thread) {
  LateAnswer answer;
  if (command.wants_value) {
    answer.value = std::make_shared<resp::ReplyBuilder>(command.most_reply_bytes);
  } else {
    answer.long_reply = std::make_shared<resp::Buffer>();
    answer.long_reply->set_limit(command.most_reply_bytes);
  }
  resp::ReplyWriter reply = command.wants_value ? resp::ReplyWriter(*answer.value, command.session.protocol)
                                                : resp::ReplyWriter(*answer.long_reply, command.session.protocol);
  command.txn.TakeOver();
  thread.txn.set_now(command.txn.now());
  const Caller caller{.parts = parts_,
                      .thread = thread,
                      .session = command.session,
                      .reply = reply,
                      .may_ask_others = false,
                      .own_txn = &command.txn};
  Outcome outcome;
  const Request request{.argv = command.argv, .entry = &command.entry, .is_looked_up = true};
  Execution execution{.caller = caller, .request = request, .outcome = outcome};
  execution.entry = &command.entry;
  execution.is_out_of_memory = command.is_out_of_memory;
  // Before the unlocking, as in Retry: the answer may be delivered in a later term, which did not assign its LSN.
  answer.term = parts_.replication.quorum_term();
  execute_(execution);
  command.txn.Unlock();
  answer.lsn = command.txn.depends_on();
  parts_.links.Answer(*command.session.card, std::move(answer));
}

// --- the end --------------------------------------------------------------------------------------------------------

uint64_t LongWork::OldestUnderWay() const {
  uint64_t oldest = jobs_.empty() ? next_number_ : jobs_.front().number;
  for (const uint64_t number : under_way_) {
    if (number != 0) oldest = std::min(oldest, number);
  }
  return oldest;
}

void LongWork::After(std::function<void()> then) {
  {
    MutexLock lock(mutex_);
    if (OldestUnderWay() < next_number_) {
      after_.emplace_back(next_number_, std::move(then));
      return;
    }
  }
  then();
}

void LongWork::Stop() {
  std::vector<std::thread> ending;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    ending.swap(threads_);
    changed_.notify_all();
  }
  for (std::thread& thread : ending) thread.join();
}

}  // namespace ringkv::server
