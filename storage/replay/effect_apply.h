// SPDX-License-Identifier: MIT
// Effects that come from a log or from another node, done to a key: what makes no sense is refused and changes nothing.
#pragma once

#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Whether an effect could make sense anywhere: for what holds whatever the key is. `longest_string` in bytes.
bool IsSound(const AnyEffect& effect, uint64_t longest_string);

// False if the effect makes no sense for what is at the place, or concerns no key. It must be sound.
bool ApplyToKey(Txn& txn, Place& place, const AnyEffect& effect);

}  // namespace ringkv::storage
