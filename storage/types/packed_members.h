// SPDX-License-Identifier: MIT
// Puts the members of a packed collection into a table that was made for so many. The memory of the table is fetched
// for some members ahead, because each belongs somewhere else.
#pragma once

#include <cstddef>

#include "storage/table/member_table.h"

namespace ringkv::storage {

// `from`: at the first element. `read(reader)` reads an element, `name(element)` is what the table finds it by,
// `put(element)` puts it there.
template <typename Reader, typename Read, typename Name, typename Put>
void PutPackedMembers(const Reader& from, const MemberTable& table, Read&& read, Name&& name, Put&& put) {
  constexpr size_t kAhead = 16;
  Reader ahead = from;
  const auto fetch = [&] {
    if (!ahead.AtEnd()) __builtin_prefetch(table.BucketAddress(name(read(ahead))), 1);
  };
  for (size_t i = 0; i < kAhead; ++i) fetch();
  for (Reader reader = from; !reader.AtEnd();) {
    fetch();
    put(read(reader));
  }
}

}  // namespace ringkv::storage
