// SPDX-License-Identifier: MIT
// The slot of a key, as every cluster client computes it: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::storage {

using SlotNumber = uint16_t;
constexpr size_t kSlots = 16384;

uint16_t Crc16(std::string_view bytes);
// The hash tag: "user" in "{user}:name", the bytes between the first braces if there are any.
SlotNumber KeySlot(std::string_view key);

}  // namespace ringkv::storage
