// SPDX-License-Identifier: MIT
// How OBJECT ENCODING and REFCOUNT speak of a string. All strings are kept the same way here; the names follow Redis'
// rules, because tools look at them.
#pragma once

#include <string_view>

#include "storage/keyspace/entry.h"

namespace ringkv::storage {

std::string_view StringEncodingName(const Entry& entry);  // int, embstr or raw
// The integers 0 to 9999, of which Redis keeps one copy for all.
bool IsSharedInteger(const Entry& entry);

}  // namespace ringkv::storage
