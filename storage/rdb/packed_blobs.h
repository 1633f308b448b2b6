// SPDX-License-Identifier: MIT
// The compact forms of small collections in RDB files and DUMP payloads: listpacks (since Redis 7), ziplists (before),
// zipmaps (hashes before Redis 2.6), and sets of integers. All are untrusted input.
#pragma once

#include <string_view>

#include "storage/base/text_list.h"

namespace ringkv::storage {

// Each appends the elements. False if the bytes are not a valid, complete blob.
bool ReadListpack(std::string_view blob, TextList* elements);
bool ReadZiplist(std::string_view blob, TextList* elements);
bool ReadZipmap(std::string_view blob, TextList* elements);
bool ReadIntset(std::string_view blob, TextList* elements);

}  // namespace ringkv::storage
