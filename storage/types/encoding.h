// SPDX-License-Identifier: MIT
// How OBJECT ENCODING and REFCOUNT speak of a value. All strings are kept the same way here, and small sets of texts in
// a way that redis-server 7.0 doesn't have; the names follow its rules, because tools look at them.
#pragma once

#include <string_view>

#include "storage/entry/entry.h"

namespace ringkv::storage {

// int, embstr, raw, listpack, hashtable, quicklist, intset or skiplist
std::string_view EncodingName(const Entry& entry);
// The integers 0 to 9999, of which Redis keeps one copy for all.
bool IsSharedInteger(const Entry& entry);

}  // namespace ringkv::storage
