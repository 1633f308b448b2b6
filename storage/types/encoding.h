// SPDX-License-Identifier: MIT
// The results of OBJECT ENCODING and REFCOUNT. All strings have the same representation here, and small sets of texts
// one that redis-server 7.0 does not have; the names follow its rules, because tools depend on them.
#pragma once

#include <string_view>

#include "storage/entry/entry.h"

namespace ringkv::storage {

// int, embstr, raw, listpack, listpackex (of Redis 7.4), hashtable, quicklist, intset or skiplist
std::string_view EncodingName(const Entry& entry);
// The integers 0 to 9999, which Redis shares between keys.
bool IsSharedInteger(const Entry& entry);

}  // namespace ringkv::storage
