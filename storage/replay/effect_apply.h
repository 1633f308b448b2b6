// SPDX-License-Identifier: MIT
// Applies effects from a log or from another node. Invalid effects are refused and change nothing.
#pragma once

#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Whether an effect is valid for some key: checks that do not depend on the key. `longest_string` in bytes.
bool IsSound(const AnyEffect& effect, uint64_t longest_string);

// False if the effect is invalid for the key at the place, or concerns no key. It must have passed the check above.
bool ApplyToKey(Txn& txn, Place& place, const AnyEffect& effect);
// Of the libraries of functions, or the ledger of slots. False if it is an effect on something else. Needs LockAll.
bool ApplyToNode(Txn& txn, const AnyEffect& effect);

}  // namespace ringkv::storage
