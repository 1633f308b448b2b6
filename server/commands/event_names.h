// SPDX-License-Identifier: MIT
// What handlers hand to Txn::Do: the keyspace notification of the change.
#pragma once

#include "storage/effects/key_event.h"

namespace ringkv::server {

namespace events = storage::events;

}  // namespace ringkv::server
