// SPDX-License-Identifier: MIT
// Finds the end of replies, to forward them unparsed. It resumes where it stopped, so a reply in small pieces costs
// linear time.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::resp {

class ReplyScanner {
 public:
  enum class Status : uint8_t { kReply, kNeedMore, kError };

  // Finds the end of the reply at the beginning of `input`, which must begin with the input of the previous call. With
  // kReply `size` is the length of the reply, and the next call starts over. kError: not a reply, or longer than `most`
  // bytes, or with a line of more than 64 KB.
  Status Scan(std::string_view input, size_t most, size_t* size);
  // How many bytes of an incomplete reply are known to belong to it; some of them may still be missing in the input.
  size_t known() const { return at_; }
  // The first `count` known bytes are no longer at the beginning of the input.
  void Forget(size_t count) { at_ -= count; }

 private:
  size_t at_ = 0;      // scanned so far; beyond the end of the input within a long text
  uint64_t left_ = 1;  // values that are still missing, nested ones included
};

}  // namespace ringkv::resp
