// SPDX-License-Identifier: MIT
// A reply that a thread for long work has made, and that is sent piece by piece.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "resp/buffer.h"
#include "server/execution/long_work.h"
#include "server/execution/reply_stream.h"

namespace ringkv::server {

class LongReply final : public ReplyStream {
 public:
  // `long_work`, which frees the reply's memory, must outlive the object.
  LongReply(std::shared_ptr<resp::Buffer> reply, LongWork& long_work)
      : reply_(std::move(reply)), long_work_(long_work) {}
  ~LongReply() override { long_work_.FreeLater(std::move(reply_)); }
  LongReply(const LongReply&) = delete;
  LongReply& operator=(const LongReply&) = delete;

  bool Continue(storage::Txn&, resp::Buffer& out) override {
    constexpr size_t kPiece = 128 * 1024;
    const size_t bytes = std::min(kPiece, reply_->size());
    out.Append(reply_->Readable().substr(0, bytes));
    reply_->Consume(bytes);
    return !reply_->empty();
  }
  size_t BytesLeft() const override { return reply_->size(); }
  resp::Buffer* Behind() override { return reply_.get(); }

 private:
  std::shared_ptr<resp::Buffer> reply_;
  LongWork& long_work_;
};

}  // namespace ringkv::server
