// SPDX-License-Identifier: MIT
// Queueing after MULTI, and EXEC.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/command/command.h"
#include "server/execution/enclosing.h"
#include "server/session/transaction_queue.h"
#include "storage/base/db_index.h"

namespace ringkv::server {

// Queues the request, or refuses it if it may not be queued.
void Enqueue(Execution& execution);

// A run of all queued commands in one transaction, which locks their keys and the watched keys.
class QueuedRun {
 public:
  using KeyList = std::vector<std::pair<storage::DbIndex, std::string>>;
  using Commands = std::vector<TransactionQueue::Queued>;

  // `exec`: the execution of EXEC. `turns`: null if it can't be suspended. Both must outlive the object.
  QueuedRun(Execution& exec, Turns* turns);
  // Goes on in turns with a run that has stopped. Its transaction has taken over what that of the other had locked.
  QueuedRun(Execution& exec, Turns& turns, QueuedRun&& stopped);
  // False, and nothing has happened, if others hold for long what it needs.
  bool Lock();
  // Runs the commands and replies, unless a watched key has changed. `may_stop`: without turns it stops before a
  // command that takes long, or when all have taken as long together. False if it has stopped.
  bool Run(bool may_stop = false);
  // Where in the output of EXEC the replies begin.
  size_t reply_begin() const { return reply_begin_; }
  // Unlocks, and does what the commands have deferred.
  void End();
  // After the end, nobody uses them any more.
  Commands TakeCommands() { return std::move(queued_); }
  // After the end: what is to be done for the commands by Administration.
  std::vector<std::function<void()>> TakeAdministration() { return std::move(enclosing_.administration); }

 private:
  // Closes the queue. False, with the reply, if a watched key has changed.
  bool Begin(resp::ReplyWriter& reply);
  // Before each command; false if the server ends.
  bool BeginTurn(const TransactionQueue::Queued& next);
  bool HasTakenLong() const;

  Execution& exec_;
  Turns* const turns_;
  bool locks_more_ = false;  // keys that nobody knows beforehand
  KeyList watched_;
  Commands queued_;  // what they have deferred may name their arguments
  size_t next_ = 0;  // of them
  size_t reply_begin_ = 0;
  bool has_begun_ = false;
  Enclosing enclosing_;
};

// Runs all that was queued. If `may_stop` and others of the thread would feel how long it takes: what goes on in turns.
[[nodiscard]] std::optional<QueuedRun> RunQueued(AdminCall& call, bool may_stop);

// Whether the call is of a script that may still be undone and begin again: what can't be undone is done AfterUnlock.
bool MayBeUndone(const AdminCall& call);

// Runs `work` when no locks of data are held: at once, or after EXEC or the script has released its locks.
void AfterUnlock(AdminCall& call, std::function<void()> work);
// Likewise, in a transaction or script, for work that keeps so many bytes. False if the script has no memory left for
// that; then nothing is done.
[[nodiscard]] bool AfterUnlock(AdminCall& call, size_t bytes, std::function<void()> work);

// Likewise, for work that any thread may do, behind what commands of the same transaction have given to Administer.
void AfterAdministration(AdminCall& call, std::function<void()> work);
// For EXEC, which has replied and unlocked: its reply leaves when this work of its commands is done.
void AdministerAfter(AdminCall& exec, std::vector<std::function<void()>> work);

}  // namespace ringkv::server
