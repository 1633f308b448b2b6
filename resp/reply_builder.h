// SPDX-License-Identifier: MIT
// Builds a reply as a value, from the calls that would write its bytes (reply_writer.h). Above its limit nothing more
// is built, and the builder reports the overflow.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "resp/reply.h"

namespace ringkv::resp {

class ReplyBuilder {
 public:
  // `limit`: bytes of memory; SIZE_MAX for no limit.
  explicit ReplyBuilder(size_t limit) : left_(limit) {}
  ReplyBuilder(const ReplyBuilder&) = delete;
  ReplyBuilder& operator=(const ReplyBuilder&) = delete;

  // The next value. Its members, if it has any, were counted.
  void Add(Reply value);
  // The next value is of this kind, and its `members` values follow: of a map its keys and values in turn.
  void Open(ReplyKind kind, int64_t members);
  // Counts the memory of a value that is added later, as a member of another. False above the limit.
  bool Count(const Reply& value);

  // Bytes that it may still take.
  size_t left() const { return left_; }
  bool has_overflowed() const { return has_overflowed_; }
  // Complete when all members were added. A further value is ignored.
  Reply& reply() { return root_; }

 private:
  // A value with missing members.
  struct Incomplete {
    std::vector<Reply>* members;
    size_t missing;
  };

  // The place of the next value; null if it is not kept.
  Reply* NextPlace();

  Reply root_;
  std::vector<Incomplete> incomplete_;  // outermost first; members are reserved, so their addresses are stable
  size_t left_;                         // bytes of the limit
  bool has_root_ = false;
  bool has_overflowed_ = false;
};

}  // namespace ringkv::resp
