// SPDX-License-Identifier: MIT
// FUNCTION LOAD and FUNCTION RESTORE: the codes of libraries are run on a stack of their own, in turns with the other
// work of the thread if that takes long, and then put into the store.
//
// Threads: confined.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/command/command.h"
#include "server/execution/execution_parts.h"
#include "server/execution/turns.h"
#include "server/scripts/functions.h"
#include "server/scripts/sliced_fiber.h"
#include "server/scripts/sliced_run.h"
#include "storage/base/random.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// Where libraries come from, and what becomes of those that exist.
struct LibrarySource {
  bool is_payload;  // of FUNCTION DUMP; else the text is the code of one library
  std::string_view text;
  RestorePolicy policy;
};

// Runs the codes of the source.
Functions::Prepared PrepareLibraries(Functions& functions, storage::Txn& txn, const Functions::Seat& seat,
                                     const LibrarySource& source);
// Puts them into the store and writes the reply. The transaction holds all partitions, or there is an error already.
void PutLibraries(Functions& functions, storage::Txn& txn, const LibrarySource& source,
                  const Functions::Prepared& prepared, resp::ReplyWriter& reply);

class LibraryLoad final : public SlicedRun, private Turns {
 public:
  // All must outlive the object. `slot`: of the thread in the clock of scripts.
  LibraryLoad(const ExecutionParts& parts, Functions& functions, size_t slot, ThreadState& thread);
  ~LibraryLoad() override;
  LibraryLoad(const LibraryLoad&) = delete;
  LibraryLoad& operator=(const LibraryLoad&) = delete;

  // Begins the request that `call` is. False if it has not ended: then it goes on when its turns come.
  bool Begin(const AdminCall& call, const LibrarySource& source);
  // What has become of one that has ended at once.
  const Functions::Prepared& prepared() const { return prepared_; }

  Progress Resume() override;
  void FinishLate() override;
  [[nodiscard]] bool Abandon() override;
  bool is_overdue() const override { return false; }

 private:
  static void Body(void* with);
  bool GoOn() override;
  bool Suspend(bool waits) override;
  bool DoElsewhere(const std::function<void()>& work) override {
    work();
    return true;
  }
  std::shared_ptr<ClientCard> client() const override { return client_; }

  const ExecutionParts& parts_;
  Functions& functions_;
  const Functions::Seat seat_;
  storage::Random random_;
  storage::Txn own_txn_;
  SlicedFiber fiber_;
  storage::Txn* txn_ = nullptr;  // for the first turn: that of the call
  LibrarySource source_{};       // whose text is needed in the first turn only
  Functions::Prepared prepared_;
  std::shared_ptr<ClientCard> client_;
  int protocol_ = 2;
};

}  // namespace ringkv::server
