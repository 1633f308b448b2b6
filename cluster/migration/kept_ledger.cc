// SPDX-License-Identifier: MIT
#include "cluster/migration/kept_ledger.h"

#include <utility>

namespace ringkv::cluster {

using storage::Fail;
using storage::Lsn;
using storage::Status;

Status KeptLedger::Lead(uint64_t epoch, std::optional<SlotLedger> of_data) {
  leads_ = true;
  SlotLedger newest = of_data && of_data->version() > written_.version() ? *of_data : written_;
  // What an earlier primary has written without the others is older from now on.
  if (newest.version().epoch < epoch) newest.Renew(epoch);
  const Status kept = newest.version() == written_.version() ? Status() : keeper_.Write(newest);
  const bool is_in_data = of_data && of_data->version() == newest.version();
  open_ = is_in_data ? keeper_.appended() : keeper_.Append(newest, std::nullopt);
  leads_ = open_.has_value();
  if (!leads_) return Fail("this node is not the primary any more");
  written_ = std::move(newest);
  // Its clients are served at once, as their writes wait for the majority; other shards wait.
  keeper_.Show(written_);
  is_shown_ = true;
  Settle();
  return kept;
}

Status KeptLedger::Follow(SlotLedger of_data) {
  leads_ = false;
  open_.reset();
  const Status kept = of_data.version() == written_.version() ? Status() : keeper_.Write(of_data);
  written_ = std::move(of_data);
  keeper_.Show(written_);
  is_shown_ = true;
  return kept;
}

Status KeptLedger::Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes) {
  SlotLedger after = written_;
  change(after);
  if (leads_) after.Renew(epoch);
  // The file first: what the shard knows, this node knows after a crash.
  if (Status written = keeper_.Write(after); !written) return written;
  const std::optional<Lsn> group = keeper_.Append(after, flushes);
  if (!group) {
    if (Status taken_back = keeper_.Write(written_); !taken_back) return taken_back;
    return Fail("the store was flushed meanwhile, or this node is not the primary any more");
  }
  written_ = std::move(after);
  open_ = group;
  is_shown_ = false;
  Settle();
  return {};
}

bool KeptLedger::Settle() {
  if (leads_ && open_ && !keeper_.IsSafe(*open_)) return false;
  open_.reset();
  if (!std::exchange(is_shown_, true)) keeper_.Show(written_);
  return leads_;
}

}  // namespace ringkv::cluster
