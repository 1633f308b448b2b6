// SPDX-License-Identifier: MIT
// hiredis with owners for what it gives.
#pragma once

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

// Null when the connection is gone.
inline Reply Ask(redisContext* context, const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  std::vector<size_t> sizes;
  for (const std::string& word : words) {
    argv.push_back(word.data());
    sizes.push_back(word.size());
  }
  return Reply(
      static_cast<redisReply*>(::redisCommandArgv(context, static_cast<int>(argv.size()), argv.data(), sizes.data())));
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
