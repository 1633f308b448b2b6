// SPDX-License-Identifier: MIT
// The bytes of a request that goes on elsewhere, lent by whoever has received them: they stay where they are until the
// request has ended, even if its client has gone.
#pragma once

#include <memory>

#include "resp/buffer.h"

namespace ringkv::server {

struct LentInput {
  resp::Buffer bytes;                // moved here
  std::shared_ptr<void> owner = {};  // or what has them
};

}  // namespace ringkv::server
