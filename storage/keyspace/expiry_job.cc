// SPDX-License-Identifier: MIT
#include "storage/keyspace/expiry_job.h"

namespace ringkv::storage {

bool ExpiryJob::Step() {
  Txn txn(store_, store_.clock().Now(), random_);
  if (!txn.SweepExpired(partition_, kKeysAStep).finished) return false;
  partition_ = (partition_ + 1) % kPartitions;
  return partition_ == 0;
}

}  // namespace ringkv::storage
