// SPDX-License-Identifier: MIT
#include "server/http/exchange.h"

#include <utility>

#include "server/http/error_status.h"

namespace ringkv::server::http {

void Exchange::Run(std::vector<std::string> argv, Then then) {
  Try(std::move(argv), [this, then = std::move(then)](resp::Reply reply) {
    if (reply.is_error()) return Respond(ResponseToError(parts_, reply.text, request_));
    then(std::move(reply));
  });
}

void Exchange::Try(std::vector<std::string> argv, Then then) {
  argv_ = std::move(argv);
  then_ = std::move(then);
  reply_limit_ = SIZE_MAX;
}

void Exchange::LimitReply(size_t bytes, std::string text) {
  reply_limit_ = bytes;
  overflow_text_ = std::move(text);
}

void Exchange::Compute(std::chrono::nanoseconds cost, Work work) {
  constexpr std::chrono::microseconds kLongestAtOnce(200);
  if (cost <= kLongestAtOnce) return work()();
  work_ = std::move(work);
}

void Exchange::TakeReply(resp::Reply reply) {
  const Then then = std::exchange(then_, nullptr);
  then(std::move(reply));
}

}  // namespace ringkv::server::http
