// SPDX-License-Identifier: MIT
#include "server/net/network.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <csignal>
#include <future>

#include "resp/request_writer.h"
#include "server/blocking/waiting_clients.h"
#include "server/cluster/cluster_state.h"
#include "server/config/shutdown_flags.h"
#include "server/net/proxy.h"
#include "server/replication/replication.h"

namespace ringkv::server {

namespace {

sigset_t HandledSignals() {
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&handled, signal);
  return handled;
}

}  // namespace

void HoldSignals() {
  const sigset_t handled = HandledSignals();
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);
}

Network::Network(Server& server) : server_(server), step_timer_(main_context_), listener_(server, threads_) {
  for (size_t i = 0; i < server.threads(); ++i) {
    threads_.push_back(std::make_unique<IoThread>(server, i, worker_, threads_));
  }
}

Network::~Network() = default;

void Network::OnSignal(int signal) {
  if (signal == SIGHUP) {
    std::string why;
    if (!server_.log().Reopen(&why)) server_.log().Warning("cannot reopen the log file: " + why);
    server_.log().Notice("log file reopened");
    if (server_.cluster().is_enabled()) {
      server_.execution_parts().administration.Do(Administration::Lane::kRoles, [this] {
        const storage::Status reloaded = server_.cluster().Reload();
        if (!reloaded) server_.log().Notice("the cluster-config was not reloaded: " + reloaded.error().text);
      });
    }
    return;
  }
  const std::string name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
  if (signal == SIGINT && server_.shutdown().IsAfterSignal()) {
    server_.log().Warning("received SIGINT again, exiting at once");
    ::_exit(1);
  }
  server_.log().Notice("received " + name + ", shutting down");
  const int64_t drain_seconds = signal == SIGTERM ? server_.options().shutdown_drain.load() : 0;
  if (drain_seconds > 0 && !server_.is_draining() && !server_.data().is_loading()) {
    server_.log().Notice("draining for " + std::to_string(drain_seconds) + " s; another SIGTERM ends it at once");
  }
  const Options& options = server_.options();
  const SharedText& text = signal == SIGTERM ? options.shutdown_on_sigterm : options.shutdown_on_sigint;
  const ShutdownFlags flags = ParseShutdownFlags(text.Get()).value_or(ShutdownFlags());
  server_.shutdown().Request({.saves = flags.save || (!flags.nosave && server_.data().SavesAtEnd()),
                              .waits_for_replicas = !flags.now,
                              .is_forced = flags.force,
                              .drain_ms = drain_seconds * 1000});
}

void Network::StepShutdown() {
  asio::post(main_context_, [this] { MakeStep(); });
}

void Network::MakeStep() {
  constexpr auto kBetween = std::chrono::milliseconds(2);
  switch (server_.shutdown().Step()) {
    case Shutdown::Progress::kNothing: return;
    case Shutdown::Progress::kReadyUnloaded:
      server_.log().Notice("shutting down while loading; the files are unchanged");
      ::_exit(0);
    case Shutdown::Progress::kReady: return main_context_.stop();
    case Shutdown::Progress::kWaits: break;
  }
  step_timer_.expires_after(kBetween);
  step_timer_.async_wait([this](std::error_code error) {
    if (!error) MakeStep();
  });
}

void Network::Run() {
  const sigset_t handled = HandledSignals();
  asio::posix::stream_descriptor signals(main_context_, ::signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));
  std::function<void()> wait = [&] {
    signals.async_wait(asio::posix::stream_descriptor::wait_read, [&](std::error_code error) {
      if (error) return;
      signalfd_siginfo info{};
      while (::read(signals.native_handle(), &info, sizeof info) == sizeof info)
        OnSignal(static_cast<int>(info.ssi_signo));
      wait();
    });
  };
  wait();
  listener_.Start();
  worker_.Start(server_.options().bio_cpulist.Get());
  for (auto& thread : threads_) thread->Start();
  const auto keep_running = asio::make_work_guard(main_context_);
  main_context_.run();
  is_ending_ = true;
  // The listener's descriptors live in the first thread's loop: that one ends before they are closed.
  for (auto& thread : threads_) thread->Stop();
  worker_.Stop();
  listener_.Close();
}

void Network::Close(const ClientCard& card) {
  IoThread& thread = *threads_[card.thread];
  thread.Post([this, &thread, id = card.id] {
    if (ClientConnection* connection = thread.Find(id)) return connection->Close();
    server_.replication().feeds().Close(id);
    // It may have moved in between. One that is on its way finds its card marked when it arrives.
    const auto moved = server_.clients().Find(id);
    if (moved != nullptr && moved->thread != thread.index()) Close(*moved);
  });
}

void Network::Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) {
  IoThread& thread = *threads_[card.thread];
  thread.Post([&thread, id = card.id, bytes = std::move(bytes)] {
    if (ClientConnection* connection = thread.Find(id)) connection->Push(*bytes);
  });
}

void Network::Deliver(size_t from, size_t thread, std::shared_ptr<const std::vector<uint64_t>> clients,
                      std::shared_ptr<const std::string> bytes) {
  IoThread& target = *threads_[thread];
  if (from == thread) return target.Deliver(*clients, *bytes);
  target.Post([&target, clients = std::move(clients), bytes = std::move(bytes)] { target.Deliver(*clients, *bytes); });
}

void Network::Invalidate(size_t thread, std::shared_ptr<const storage::Invalidation> invalidation) {
  IoThread& target = *threads_[thread];
  IoThread* const caller = IoThread::This();
  // Not at once: it may be amid a reply.
  if (caller == &target) return target.invalidations().Add(std::move(invalidation));
  if (caller != nullptr) return caller->InvalidateAtEnd(target, std::move(invalidation));
  target.Post([&target, invalidation = std::move(invalidation)] {
    target.invalidations().Add(invalidation);
    target.invalidations().TellAll();
  });
}

void Network::TellNodes(size_t from, size_t over, bool only_own_shard, std::span<const std::string_view> argv) {
  std::string request = resp::EncodeRequest(argv);
  IoThread& thread = *threads_[over];
  if (from == over) return thread.proxy().TellNodes(only_own_shard, request);
  thread.Post(
      [&thread, only_own_shard, request = std::move(request)] { thread.proxy().TellNodes(only_own_shard, request); });
}

void Network::ResumePaused() {
  for (auto& thread : threads_) thread->Post([&thread = *thread] { thread.ResumePaused(); });
  RunOn(0, [this] { server_.waiting_clients().ServeHeldBack(); });
}

void Network::Unblock(const ClientCard& card, bool with_error) {
  IoThread& thread = *threads_[card.thread];
  thread.Post([&thread, id = card.id, with_error] {
    if (ClientConnection* connection = thread.Find(id)) connection->Unblock(with_error);
  });
}

void Network::Answer(const ClientCard& card, LateAnswer answer) {
  IoThread& thread = *threads_[card.thread];
  // Never at once: the thread may be amid what it does for another client.
  thread.Post([&thread, id = card.id, answer = std::move(answer)] {
    if (ClientConnection* connection = thread.Find(id)) connection->TakeAnswer(answer);
  });
}

void Network::ResumeWaiting() {
  for (auto& thread : threads_) {
    if (thread->HasWaiting()) thread->Post([&thread = *thread] { thread.ResumeWaiting(); });
  }
}

bool Network::WaitForRound(const std::atomic<bool>& give_up, int64_t most_ms) {
  constexpr auto kSlice = std::chrono::milliseconds(20);
  const int64_t began_ms = server_.clock().SteadyMs();
  const std::future<void> end = EndOfRound();
  // A thread that has ended passes nothing any more, and does nothing either.
  while (!is_ending_ && end.wait_for(kSlice) != std::future_status::ready) {
    if (give_up || server_.clock().SteadyMs() - began_ms >= most_ms) return false;
  }
  return true;
}

std::future<void> Network::EndOfRound() {
  struct Round {
    std::atomic<size_t> threads{0};  // that are still to pass
    std::promise<void> end;
  };
  const auto round = std::make_shared<Round>();
  round->threads = threads_.size();
  for (auto& thread : threads_) {
    thread->Post([this, round, index = thread->index()] {
      server_.scripts().AfterRuns(index, [this, round] {
        if (--round->threads == 0) server_.long_work().After([round] { round->end.set_value(); });
      });
    });
  }
  return round->end.get_future();
}

void Network::RunOn(size_t thread, std::function<void()> work) { threads_[thread]->Post(std::move(work)); }

void Network::ReleaseReplies() {
  for (auto& thread : threads_) {
    if (thread->HoldsReplies()) thread->Post([&thread = *thread] { thread.ReleaseReplies(); });
  }
}

void Network::Stop() {
  asio::post(main_context_, [this] { main_context_.stop(); });
}

}  // namespace ringkv::server
