// SPDX-License-Identifier: MIT
#include "storage/keyspace/entry.h"

#include "storage/types/large_value.h"

namespace ringkv::storage {

size_t Entry::MemorySize() const { return TotalSize() + (kind().is_large() ? large().bytes() : 0); }

}  // namespace ringkv::storage
