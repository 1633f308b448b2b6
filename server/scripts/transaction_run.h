// SPDX-License-Identifier: MIT
// EXEC of a transaction that runs many commands, scripts or MIGRATE, on a stack of its own and in a transaction of the
// store of its own: so it can be suspended between two commands, a script in it as one that runs alone, and MIGRATE
// until the other server has answered. A command in it that takes long is done by a thread for long work meanwhile; if
// it is the first of that kind, EXEC has begun elsewhere, and goes on here.
//
// If it runs scripts it has the right to wait for locks from the start
// (docs/decisions/034-keys-that-were-not-declared.md), because what it has answered can't be undone for the sake of a
// script: keys that a script has not declared are locked when they are used.
//
// Threads: confined.
#pragma once

#include <functional>
#include <memory>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "server/base/client_links.h"
#include "server/command/command.h"
#include "server/execution/execution_parts.h"
#include "server/execution/transaction.h"
#include "server/execution/turns.h"
#include "server/execution/work_elsewhere.h"
#include "server/scripts/sliced_fiber.h"
#include "server/scripts/sliced_run.h"
#include "storage/base/random.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class TransactionRun final : public SlicedRun, private Turns {
 public:
  // Both must outlive the object.
  TransactionRun(const ExecutionParts& parts, ThreadState& thread);
  ~TransactionRun() override;
  TransactionRun(const TransactionRun&) = delete;
  TransactionRun& operator=(const TransactionRun&) = delete;

  // Begins EXEC, whose session must live until the end. False, and nothing has happened, if others hold what it needs
  // for long.
  bool Begin(AdminCall& call);
  // Goes on with EXEC that has stopped.
  void GoOnWith(AdminCall& call, QueuedRun stopped);
  // What Begin has come to.
  Progress progress() const { return progress_; }
  // After the end of a run that has never been suspended: unlocks, and hands the reply over to the call.
  void Finish(AdminCall& call);

  Progress Resume() override;
  void FinishLate() override;
  [[nodiscard]] bool Abandon() override;
  bool is_overdue() const override { return txn_.hold() == storage::Hold::kOverdue; }

 private:
  struct Work;

  static void Body(void* with);
  void Prepare(AdminCall& call);
  void Start(AdminCall& call);
  Progress Enter();
  bool GoOn() override;
  bool Suspend(bool waits) override;
  bool DoElsewhere(const std::function<void()>& work) override;
  std::shared_ptr<ClientCard> client() const override;
  void Show();
  // When the work of its commands that is Administration's is done.
  void Answer(LateAnswer answer);
  void Clear();

  const ExecutionParts& parts_;
  storage::Random random_;  // its own, because other threads may do some of its work
  storage::Txn txn_;
  WorkElsewhere elsewhere_;
  SlicedFiber fiber_;
  resp::Buffer output_;
  resp::ReplyWriter reply_{output_, 2};

  // Of the transaction that is under way.
  std::unique_ptr<Work> work_;
  Progress progress_ = Progress::kEnded;
};

}  // namespace ringkv::server
