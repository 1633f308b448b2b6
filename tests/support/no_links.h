// SPDX-License-Identifier: MIT
// The connections of a server that has none.
#pragma once

#include <future>

#include "server/base/client_links.h"

namespace ringkv::test {

class NoLinks : public server::ClientLinks {
 public:
  void Close(const server::ClientCard&) override {}
  void Push(const server::ClientCard&, std::shared_ptr<const std::string>) override {}
  void Deliver(size_t, size_t, std::shared_ptr<const std::vector<uint64_t>>,
               std::shared_ptr<const std::string>) override {}
  void Invalidate(size_t, std::shared_ptr<const storage::Invalidation>) override {}
  void TellNodes(size_t, size_t, bool, std::span<const std::string_view>) override {}
  void ResumePaused() override {}
  void Unblock(const server::ClientCard&, bool) override {}
  void Answer(const server::ClientCard&, server::LateAnswer) override {}
  void ResumeWaiting() override {}
  bool WaitForRound(const std::atomic<bool>&, int64_t) override { return true; }
  std::future<void> EndOfRound() override {
    std::promise<void> ended;
    ended.set_value();
    return ended.get_future();
  }
  void RunOn(size_t, std::function<void()>) override {}
  void ReleaseReplies() override {}
  bool ListenOn(std::optional<std::string>, std::optional<int64_t>) override { return true; }
  bool ListenOnTls(int64_t) override { return true; }
  void StepShutdown() override {}
};

}  // namespace ringkv::test
