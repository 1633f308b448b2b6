// SPDX-License-Identifier: MIT
// The server's end of a connection in a simulation: answers requests, until one of them makes it another link.
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
#include "resp/buffer.h"
#include "resp/request_parser.h"

namespace ringkv::test {

class AcceptingLink final : public cluster::Link {
 public:
  // What comes of a request: a reply, or another link, which may also come later (Become), or neither.
  struct Outcome {
    std::string reply = {};
    std::unique_ptr<cluster::Link> link = nullptr;
    bool waits = false;
  };
  // `unread`: what has come behind the request.
  using Serve = std::function<Outcome(const std::vector<std::string>& words, std::string_view unread)>;
  explicit AcceptingLink(Serve serve) : serve_(std::move(serve)) {}

  storage::Status Become(std::unique_ptr<cluster::Link> link, int64_t now) {
    next_ = std::move(link);
    return next_->Open(now);
  }

  storage::Status Open(int64_t now) override {
    asked_ms_ = now;
    return {};
  }
  storage::Result<Next> Work(int64_t now) override {
    if (next_ != nullptr && out_.empty()) return next_->Work(now);
    if (next_ == nullptr && now > asked_ms_ + kPatienceMs) return storage::Fail("it asks for nothing");
    return Next::kWait;
  }
  int64_t wake_at() const override {
    return next_ != nullptr && out_.empty() ? next_->wake_at() : asked_ms_ + kPatienceMs + 1;
  }
  std::span<char> Room() override {
    if (next_ != nullptr) return next_->Room();
    return {input_.Prepare(kRoomBytes), kRoomBytes};
  }
  storage::Status Received(size_t count, int64_t now) override {
    if (next_ != nullptr) return next_->Received(count, now);
    input_.Commit(count);
    return TakeRequests(now);
  }
  size_t unread() const override { return next_ != nullptr ? next_->unread() : input_.size(); }
  std::string_view ToSend() const override { return next_ != nullptr && out_.empty() ? next_->ToSend() : out_.front(); }
  size_t waiting() const override { return out_.size() + (next_ != nullptr ? next_->waiting() : 0); }
  void Sent(size_t count, int64_t now) override {
    if (out_.empty()) return next_->Sent(count, now);
    out_.Consume(count);
  }

 private:
  static constexpr size_t kRoomBytes = 1024;
  static constexpr int64_t kPatienceMs = 10'000;

  storage::Status TakeRequests(int64_t now) {
    while (next_ == nullptr && !waits_) {
      const resp::ParseStatus parsed = parser_.Parse(input_.Readable(), {}, true);
      if (parsed == resp::ParseStatus::kNeedMore) return {};
      if (parsed != resp::ParseStatus::kRequest) return storage::Fail("it sends no request");
      asked_ms_ = now;
      const auto words = parser_.arguments();
      Outcome outcome = serve_({words.begin(), words.end()}, input_.Readable().substr(parser_.consumed()));
      waits_ = outcome.waits;
      if (outcome.link != nullptr) return Become(std::move(outcome.link), now);
      out_.Append(outcome.reply);
      input_.Consume(parser_.consumed());
    }
    return {};
  }

  Serve serve_;
  resp::Buffer input_;
  resp::RequestParser parser_;
  cluster::Outbox out_;
  std::unique_ptr<cluster::Link> next_;
  bool waits_ = false;
  int64_t asked_ms_ = 0;  // since the last request, or the beginning
};

}  // namespace ringkv::test
