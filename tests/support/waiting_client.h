// SPDX-License-Identifier: MIT
// A client whose request is not answered yet, with hiredis.
#pragma once

#include <string>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

// A client whose request is not answered yet.
class WaitingClient {
 public:
  WaitingClient(const ServerProcess& server, const std::vector<std::string>& words) : context_(ConnectTo(server)) {
    const std::string before = server.Info("blocked_clients");
    SendRequest(context_.get(), words);
    EXPECT_TRUE(Eventually([&] { return server.Info("blocked_clients") != before; }));
  }
  Reply Take() { return TakeReply(context_.get()); }
  // The id of the only entry of the only stream in the reply of XREAD.
  std::string TakeEntry() {
    const Reply reply = Take();
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY) return reply == nullptr ? "<no reply>" : reply->str;
    return reply->element[0]->element[1]->element[0]->element[0]->str;
  }

  bool IsClosed() {
    void* reply = nullptr;
    return ::redisGetReply(context_.get(), &reply) == REDIS_ERR && context_->err == REDIS_ERR_EOF;
  }

 private:
  const Context context_;
};

}  // namespace ringkv::test
