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
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    ::redisAppendCommandArgv(context_.get(), static_cast<int>(argv.size()), argv.data(), nullptr);
    for (int is_written = 0; is_written == 0;) ::redisBufferWrite(context_.get(), &is_written);
    EXPECT_TRUE(Eventually([&] { return server.Info("blocked_clients") != before; }));
  }
  Reply Take() {
    void* reply = nullptr;
    EXPECT_EQ(::redisGetReply(context_.get(), &reply), REDIS_OK);
    return Reply(static_cast<redisReply*>(reply));
  }
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
