// SPDX-License-Identifier: MIT
// Members of a sorted set as a reply: names, or names with scores: pairs in RESP3, a flat array in RESP2.
#pragma once

#include <string_view>

#include "resp/reply_writer.h"

namespace ringkv::server {

class ScoredReply {
 public:
  ScoredReply(resp::ReplyWriter& reply, size_t members, bool with_scores) : reply_(reply), with_scores_(with_scores) {
    are_pairs_ = with_scores && reply.protocol() >= 3;
    reply.Array(static_cast<int64_t>(with_scores && !are_pairs_ ? 2 * members : members));
  }
  void operator()(std::string_view name, double score) {
    if (are_pairs_) reply_.Array(2);
    reply_.Bulk(name);
    if (with_scores_) reply_.Double(score);
  }

 private:
  resp::ReplyWriter& reply_;
  bool with_scores_;
  bool are_pairs_ = false;
};

}  // namespace ringkv::server
