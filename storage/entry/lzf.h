// SPDX-License-Identifier: MIT
// Decompression of LZF, for values that are unfolded all the time: liblzf, which compresses, copies byte by byte.
//
//   0..31                  n: n + 1 bytes follow as they are
//   LLLooooo [more] offset a copy of what stands offset + 1 bytes before (13 bits, the high ones first): L + 2 bytes, or
//                          `more` + 9 if L is 7; it may overlap what it makes
#pragma once

#include <cstddef>
#include <string_view>

namespace ringkv::storage {

// Decompresses untrusted bytes to `to`, which has `raw_bytes`. False if they are invalid or the size differs.
bool DecompressLzf(std::string_view compressed, char* to, size_t raw_bytes);

}  // namespace ringkv::storage
