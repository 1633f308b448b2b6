// SPDX-License-Identifier: MIT
// The checksum of all files: XXH3 with 64 bits.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringkv::storage {

uint64_t Checksum(std::string_view bytes);
// Of both, in this order.
uint64_t Checksum(std::string_view head, std::string_view body);

}  // namespace ringkv::storage
