// SPDX-License-Identifier: MIT
#include "storage/entry/entry.h"

#include "storage/entry/large_value.h"

namespace ringkv::storage {

size_t Entry::MemorySize() const { return TotalSize() + (kind().is_large() ? large().bytes() : 0); }

}  // namespace ringkv::storage
