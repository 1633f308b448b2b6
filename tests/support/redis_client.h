// SPDX-License-Identifier: MIT
// hiredis with owners for what it gives.
#pragma once

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace ringkv::test {

struct FreeReply {
  void operator()(void* reply) const { ::freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;
struct FreeContext {
  void operator()(redisContext* context) const { ::redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

inline Context ConnectTo(const ServerProcess& server) { return Context(::redisConnect("127.0.0.1", server.port())); }

// The words of a request as hiredis wants them; valid as long as these are.
struct Argv {
  explicit Argv(const std::vector<std::string>& words) : count(static_cast<int>(words.size())) {
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
  }

  int count;
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
};

// Null when the connection is gone.
inline Reply Ask(redisContext* context, const std::vector<std::string>& words) {
  Argv argv(words);
  return Reply(static_cast<redisReply*>(::redisCommandArgv(context, argv.count, argv.texts.data(), argv.sizes.data())));
}

// Does not wait for the reply.
inline void SendRequest(redisContext* context, const std::vector<std::string>& words) {
  Argv argv(words);
  ::redisAppendCommandArgv(context, argv.count, argv.texts.data(), argv.sizes.data());
  for (int is_written = 0; is_written == 0;) ASSERT_EQ(::redisBufferWrite(context, &is_written), REDIS_OK);
}

// Waits for the reply to the first request that has none yet.
inline Reply TakeReply(redisContext* context) {
  void* reply = nullptr;
  EXPECT_EQ(::redisGetReply(context, &reply), REDIS_OK);
  return Reply(static_cast<redisReply*>(reply));
}

// The reply as text: of a status, a string or an error what it says, of an integer its digits, else nothing.
inline std::string Say(const ServerProcess& server, const std::vector<std::string>& words) {
  const Context context = ConnectTo(server);
  const Reply reply = Ask(context.get(), words);
  if (reply == nullptr) return "<no reply>";
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  return reply->str == nullptr ? "" : std::string(reply->str, reply->len);
}

}  // namespace ringkv::test
