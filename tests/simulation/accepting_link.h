// SPDX-License-Identifier: MIT
// The server's end of a connection in a simulation: answers the handshake, then serves the replica.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/link/link.h"
#include "cluster/link/outbox.h"
#include "cluster/replication/log_sender.h"
#include "resp/buffer.h"
#include "resp/request_parser.h"

namespace ringkv::test {

class AcceptingLink final : public cluster::Link {
 public:
  // Makes the link to a replica, or null if this node serves none.
  using Admit = std::function<std::unique_ptr<cluster::LogSender>(cluster::FeedRequest, std::string_view unread)>;
  explicit AcceptingLink(Admit admit) : admit_(std::move(admit)) {}

  storage::Status Open(int64_t now) override {
    opened_ms_ = now;
    return {};
  }
  storage::Result<Next> Work(int64_t now) override {
    if (sender_ != nullptr && out_.empty()) return sender_->Work(now);
    if (sender_ == nullptr && now > opened_ms_ + kPatienceMs) return storage::Fail("it asks for nothing");
    return Next::kWait;
  }
  int64_t wake_at() const override {
    return sender_ != nullptr && out_.empty() ? sender_->wake_at() : opened_ms_ + kPatienceMs + 1;
  }
  std::span<char> Room() override {
    if (sender_ != nullptr) return sender_->Room();
    return {input_.Prepare(kRoomBytes), kRoomBytes};
  }
  storage::Status Received(size_t count, int64_t now) override {
    if (sender_ != nullptr) return sender_->Received(count, now);
    input_.Commit(count);
    return TakeRequests(now);
  }
  std::string_view ToSend() const override {
    return sender_ != nullptr && out_.empty() ? sender_->ToSend() : out_.front();
  }
  void Sent(size_t count, int64_t now) override {
    if (out_.empty()) return sender_->Sent(count, now);
    out_.Consume(count);
  }

 private:
  static constexpr size_t kRoomBytes = 1024;
  static constexpr int64_t kPatienceMs = 10'000;

  storage::Status TakeRequests(int64_t now) {
    while (sender_ == nullptr) {
      const resp::ParseStatus parsed = parser_.Parse(input_.Readable(), {}, true);
      if (parsed == resp::ParseStatus::kNeedMore) return {};
      if (parsed != resp::ParseStatus::kRequest) return storage::Fail("it sends no request");
      const auto words = parser_.arguments();
      if (words[0] == "PSYNC") return TakePSync({words.begin(), words.end()}, now);
      out_.Append("+OK\r\n");
      input_.Consume(parser_.consumed());
    }
    return {};
  }
  storage::Status TakePSync(const std::vector<std::string_view>& words, int64_t now) {
    cluster::FeedRequest request{{std::string(words[1])}, std::stoull(std::string(words[2])), std::string(words[3])};
    for (size_t i = 5; i < words.size(); ++i) request.histories.emplace_back(words[i]);
    sender_ = admit_(std::move(request), input_.Readable().substr(parser_.consumed()));
    if (sender_ != nullptr) return sender_->Open(now);
    out_.Append("-NOMASTERLINK this node is no primary\r\n");
    input_.Consume(parser_.consumed());
    return {};
  }

  Admit admit_;
  resp::Buffer input_;
  resp::RequestParser parser_;
  cluster::Outbox out_;
  std::unique_ptr<cluster::LogSender> sender_;
  int64_t opened_ms_ = 0;
};

}  // namespace ringkv::test
