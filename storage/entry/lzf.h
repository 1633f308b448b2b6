// SPDX-License-Identifier: MIT
// Decompression of LZF, for values that are unfolded all the time: liblzf, which compresses, copies byte by byte.
//
// A first byte below 32 says that so many bytes and one more follow as they are. Another one begins a copy: of 2 bytes
// and as many as its upper three bits say, or if these are 7, of 9 and as many as the next byte says, from as far
// behind the end as its lower bits and one byte more say, and one. A copy may overlap what it makes.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringkv::storage {

// Decompresses untrusted bytes to `to`, which has `raw_bytes`. False if they are invalid or the size differs.
bool DecompressLzf(std::string_view compressed, char* to, size_t raw_bytes);

}  // namespace ringkv::storage
