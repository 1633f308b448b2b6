// SPDX-License-Identifier: MIT
// One request and its response. A handler runs the commands of the Redis port and turns their replies into a response.
// Between two commands it may wait, for example for another node.
//
// Threads: confined to the connection's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "resp/reply.h"
#include "server/http/http_parts.h"
#include "server/http/request.h"
#include "server/http/response.h"
#include "server/http/target.h"
#include "server/session/thread_state.h"

namespace ringkv::server::http {

class Exchange {
 public:
  // All references outlive the exchange.
  Exchange(const HttpParts& parts, ThreadState& thread, Request& request, Target target)
      : parts_(parts), thread_(thread), request_(request), target_(std::move(target)) {}

  const HttpParts& parts() const { return parts_; }
  storage::Txn& txn() { return thread_.txn; }
  const Request& request() const { return request_; }
  const Target& target() const { return target_; }
  Target TakeTarget() { return std::move(target_); }
  const std::string& key() const { return target_.key; }
  // Moves the body out of the request.
  std::string TakeBody() { return std::move(request_.body); }
  // The arguments of the last command, to run it again; call before the next command.
  std::vector<std::string> TakeArgv() { return std::move(argv_); }

  // --- for handlers: exactly one of these at a time ---
  using Then = std::function<void(resp::Reply)>;
  // An error reply becomes the response, and `then` is not called.
  void Run(std::vector<std::string> argv, Then then);
  // `then` gets error replies too.
  void Try(std::vector<std::string> argv, Then then);
  // Limits the reply of the command that was handed over last. A longer one is not built: `then` is not called, and the
  // response is 413 with this text.
  void LimitReply(size_t bytes, std::string text);
  // For computations that may take longer than a connection's turn. `work` runs in a background thread and returns a
  // function, which then runs in this thread. `work` owns its data and must not use the exchange, which may be gone
  // when the client is. Cheap work, by the estimate, runs immediately.
  using Finish = std::function<void()>;
  using Work = std::function<Finish()>;
  void Compute(std::chrono::nanoseconds cost, Work work);
  void Respond(Response response) { response_ = std::move(response); }
  void Fail(int status, std::string_view text) { Respond(ErrorResponse(status, text)); }

  // --- for the connection ---
  bool wants_reply() const { return !response_ && then_ != nullptr; }
  const std::vector<std::string>& argv() const { return argv_; }
  size_t reply_limit() const { return reply_limit_; }  // bytes of memory
  void TakeReply(resp::Reply reply);
  // The reply was longer than the limit.
  void TakeOverflow() { Fail(413, overflow_text_); }
  bool wants_work() const { return work_ != nullptr; }
  Work TakeWork() { return std::exchange(work_, nullptr); }
  bool has_response() const { return response_.has_value(); }
  Response TakeResponse() { return std::move(*response_); }

 private:
  const HttpParts& parts_;
  ThreadState& thread_;
  Request& request_;
  const Target target_;
  std::vector<std::string> argv_;
  Then then_;
  size_t reply_limit_ = SIZE_MAX;
  std::string overflow_text_;
  Work work_;
  std::optional<Response> response_;
};

}  // namespace ringkv::server::http
