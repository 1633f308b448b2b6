// SPDX-License-Identifier: MIT
// The I/O threads and the listener: implements the server's interface to its connections.
//
// Threads: synchronised; Run is called by the main thread.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "server/base/client_links.h"
#include "server/net/background_worker.h"
#include "server/net/io_thread.h"
#include "server/net/listener.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Blocks SIGTERM, SIGINT and SIGHUP until Network::Run reads them. Call before any thread starts, because threads
// inherit the signal mask.
void HoldSignals();

class Network final : public ClientLinks {
 public:
  explicit Network(Server& server);
  ~Network() override;

  storage::Result<bool> Bind() { return listener_.Bind(); }
  // Accepts and serves until Stop or a shutdown; after it, connections stay open but unserved as long as the object
  // lives. Handles SIGTERM and SIGINT (shutdown) and SIGHUP (reopen the log file, reload the cluster-config).
  void Run();

  void Close(const ClientCard& card) override;
  void Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) override;
  void Deliver(size_t from, size_t thread, std::shared_ptr<const std::vector<uint64_t>> clients,
               std::shared_ptr<const std::string> bytes) override;
  void Invalidate(size_t thread, std::shared_ptr<const storage::Invalidation> invalidation) override;
  void TellNodes(size_t from, size_t over, bool only_own_shard, std::span<const std::string_view> argv) override;
  void ResumePaused() override;
  void Unblock(const ClientCard& card, bool with_error) override;
  void Answer(const ClientCard& card, LateAnswer answer) override;
  void ResumeWaiting() override;
  bool WaitForRound(const std::atomic<bool>& give_up, int64_t most_ms) override;
  std::future<void> EndOfRound() override;
  void RunOn(size_t thread, std::function<void()> work) override;
  void ReleaseReplies() override;
  bool ListenOn(std::optional<std::string> addresses, std::optional<int64_t> port) override {
    return listener_.ListenOn(addresses, port);
  }
  bool ListenOnTls(int64_t port) override { return listener_.ListenOnTls(port); }
  void StepShutdown() override;
  // Ends Run.
  void Stop();

 private:
  void OnSignal(int signal);
  void MakeStep();

  Server& server_;
  std::atomic<bool> is_ending_{false};
  asio::io_context main_context_;
  asio::steady_timer step_timer_;
  BackgroundWorker worker_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  Listener listener_;
};

}  // namespace ringkv::server
