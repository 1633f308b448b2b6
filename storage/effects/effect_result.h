// SPDX-License-Identifier: MIT
// What an effect did to a collection.
#pragma once

#include <cstdint>

namespace ringkv::storage {

enum class EffectResult : uint8_t {
  kUnchanged,  // it was so before
  kChanged,
  kAdded,  // there is one more
};

}  // namespace ringkv::storage
