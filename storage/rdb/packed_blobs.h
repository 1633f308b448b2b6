// SPDX-License-Identifier: MIT
// Redis' compact forms of small collections, as they stand inside of RDB files and DUMP payloads: listpacks (since
// Redis 7), ziplists (before), and sets of integers. All are read with suspicion: bytes from outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringkv::storage {

// Each appends the elements. False if the bytes are no such blob, or not whole.
bool ReadListpack(std::string_view blob, std::vector<std::string>* elements);
bool ReadZiplist(std::string_view blob, std::vector<std::string>* elements);
bool ReadIntset(std::string_view blob, std::vector<std::string>* elements);

}  // namespace ringkv::storage
