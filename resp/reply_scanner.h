// SPDX-License-Identifier: MIT
// Finds where replies end, for who passes them on unread. It goes on where it has stopped, so a reply that arrives in
// small pieces costs no more than its bytes.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::resp {

class ReplyScanner {
 public:
  enum class Found : uint8_t { kReply, kNeedMore, kError };

  // Looks for the end of the reply at the beginning of `input`, which is what it was shown before and what has come
  // since. With kReply `size` is how many bytes the reply takes, and the next call begins anew. kError: no reply, or
  // one of more than `most` bytes.
  Found Scan(std::string_view input, size_t most, size_t* size);

 private:
  size_t at_ = 0;      // what is behind it has not been looked at
  uint64_t left_ = 1;  // values that are still to come, those inside of others counted one by one
};

}  // namespace ringkv::resp
