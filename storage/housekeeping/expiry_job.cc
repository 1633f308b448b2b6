// SPDX-License-Identifier: MIT
#include "storage/housekeeping/expiry_job.h"
#include "storage/transaction/sweep.h"

namespace ringkv::storage {

bool ExpiryJob::Step() {
  if (partition_ == kPartitions) {
    partitions_ = store_.occupancy().WithVolatileKeys();
    partition_ = partitions_.Next(0);
  }
  if (partition_ == kPartitions) return true;
  Txn txn(store_, store_.clock().Now(), random_);
  if (!SweepExpired(txn, partition_, kKeysAStep).finished) return false;
  partition_ = partitions_.Next(partition_ + 1);
  return partition_ == kPartitions;
}

}  // namespace ringkv::storage
