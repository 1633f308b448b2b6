// SPDX-License-Identifier: MIT
// The work of a command that takes long within a run which keeps its locks: a thread for long work does it, while the
// run is suspended.
//
// Threads: as the run; is_under_way: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/execution_parts.h"
#include "server/execution/long_work.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class WorkElsewhere {
 public:
  // Begins, then the run is to be suspended as one that waits for others. `txn`: of the run, which takes it over again
  // when it goes on. The work must live until then.
  void Begin(const ExecutionParts& parts, storage::Txn& txn, const std::function<void()>& work) {
    txn.HoldForLong();
    is_done_ = std::make_shared<std::atomic<bool>>(false);
    parts.long_work.Do([&links = parts.links, &txn, &work, is_done = is_done_] {
      txn.TakeOver();
      work();
      is_done->store(true);  // now the run may go on, and end
      is_done->notify_all();
      links.ResumePaused();
    });
  }
  // The run may have been woken for another reason.
  bool is_under_way() const { return is_done_ != nullptr && !is_done_->load(); }
  void WaitForEnd() const {
    if (is_done_ != nullptr) is_done_->wait(false);
  }

 private:
  std::shared_ptr<std::atomic<bool>> is_done_;
};

}  // namespace ringkv::server
