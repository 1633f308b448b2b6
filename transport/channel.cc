// SPDX-License-Identifier: MIT
#include "transport/channel.h"

#include <unistd.h>

namespace ringkv::transport {

void Channel::Close() {
  if (descriptor_ < 0) return;
  if (session_ != nullptr) session_->SayEnd();
  session_.reset();
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace ringkv::transport
