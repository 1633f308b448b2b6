// SPDX-License-Identifier: MIT
#include "storage/housekeeping/expiry_job.h"
#include "storage/transaction/sweep.h"

namespace ringkv::storage {

bool ExpiryJob::Step() {
  if (partition_ == kPartitions) {
    partitions_ = store_.occupancy().WithDueKeys();
    partition_ = partitions_.Next(0);
    has_left_some_ = false;
  }
  if (partition_ == kPartitions) return true;
  Txn txn(store_, store_.clock().Now(), random_);
  if (!SweepExpired(txn, partition_, kKeysAStep).finished) {
    if (++steps_ < kStepsAtOnce) return false;
    has_left_some_ = true;
  }
  steps_ = 0;
  partition_ = partitions_.Next(partition_ + 1);
  return partition_ == kPartitions && !has_left_some_;
}

}  // namespace ringkv::storage
