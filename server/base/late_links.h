// SPDX-License-Identifier: MIT
// The connections, for parts of the server that exist before the network. Calls before it is connected have no
// effect.
//
// Threads: atomic; connected once.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/client_links.h"

namespace ringkv::server {

class LateLinks final : public ClientLinks {
 public:
  // `links` must outlive all callers.
  void Connect(ClientLinks& links) { links_.store(&links); }

  void Close(const ClientCard& card) override {
    if (ClientLinks* links = links_) links->Close(card);
  }
  void Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) override {
    if (ClientLinks* links = links_) links->Push(card, std::move(bytes));
  }
  void Deliver(size_t from, size_t thread, std::shared_ptr<const std::vector<uint64_t>> clients,
               std::shared_ptr<const std::string> bytes) override {
    if (ClientLinks* links = links_) links->Deliver(from, thread, std::move(clients), std::move(bytes));
  }
  void Invalidate(size_t thread, std::shared_ptr<const storage::Invalidation> invalidation) override {
    if (ClientLinks* links = links_) links->Invalidate(thread, std::move(invalidation));
  }
  void TellNodes(size_t from, size_t over, bool only_own_shard, std::span<const std::string_view> argv) override {
    if (ClientLinks* links = links_) links->TellNodes(from, over, only_own_shard, argv);
  }
  void ResumePaused() override {
    if (ClientLinks* links = links_) links->ResumePaused();
  }
  void Unblock(const ClientCard& card, bool with_error) override {
    if (ClientLinks* links = links_) links->Unblock(card, with_error);
  }
  void Answer(const ClientCard& card, LateAnswer answer) override {
    if (ClientLinks* links = links_) links->Answer(card, std::move(answer));
  }
  void ResumeWaiting() override {
    if (ClientLinks* links = links_) links->ResumeWaiting();
  }
  bool WaitForRound(const std::atomic<bool>& give_up, int64_t most_ms) override {
    ClientLinks* const links = links_;
    return links == nullptr || links->WaitForRound(give_up, most_ms);
  }
  std::future<void> EndOfRound() override {
    if (ClientLinks* links = links_) return links->EndOfRound();
    std::promise<void> ended;
    ended.set_value();
    return ended.get_future();
  }
  void RunOn(size_t thread, std::function<void()> work) override {
    if (ClientLinks* links = links_) links->RunOn(thread, std::move(work));
  }
  void ReleaseReplies() override {
    if (ClientLinks* links = links_) links->ReleaseReplies();
  }
  bool ListenOn(std::optional<std::string> addresses, std::optional<int64_t> port) override {
    ClientLinks* links = links_;
    return links == nullptr || links->ListenOn(std::move(addresses), port);
  }
  bool ListenOnTls(int64_t port) override {
    ClientLinks* links = links_;
    return links == nullptr || links->ListenOnTls(port);
  }
  void StepShutdown() override {
    if (ClientLinks* links = links_) links->StepShutdown();
  }

 private:
  std::atomic<ClientLinks*> links_{nullptr};
};

}  // namespace ringkv::server
