// SPDX-License-Identifier: MIT
#include "server/net/network.h"

#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <csignal>

#include "server/net/connection.h"

namespace ringkv::server {

Network::Network(Server& server) : server_(server), listener_(server, threads_) {
  for (size_t i = 0; i < server.threads(); ++i) threads_.push_back(std::make_unique<IoThread>(server, i));
}

Network::~Network() = default;

void Network::Run() {
  asio::signal_set signals(main_context_, SIGTERM, SIGINT, SIGHUP);
  std::function<void()> wait = [&] {
    signals.async_wait([&](std::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        std::string why;
        if (!server_.log().Reopen(&why)) server_.log().Warning("cannot reopen the log file: " + why);
        server_.log().Notice("log file reopened");
        return wait();
      }
      server_.log().Notice(std::string("received ") + (signal == SIGTERM ? "SIGTERM" : "SIGINT") + ", shutting down");
      main_context_.stop();
    });
  };
  wait();
  listener_.Start();
  for (auto& thread : threads_) thread->Start();
  const auto keep_running = asio::make_work_guard(main_context_);
  main_context_.run();
  // The listener's descriptors live in the first thread's loop: that one ends before they are closed.
  for (auto& thread : threads_) thread->Stop();
  listener_.Close();
}

void Network::Close(const ClientCard& card) {
  IoThread& thread = *threads_[card.thread];
  thread.Post([&thread, id = card.id] {
    if (Connection* connection = thread.Find(id)) connection->Close();
  });
}

void Network::Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) {
  IoThread& thread = *threads_[card.thread];
  thread.Post([&thread, id = card.id, bytes = std::move(bytes)] {
    if (Connection* connection = thread.Find(id)) connection->Push(*bytes);
  });
}

void Network::ResumePaused() {
  for (auto& thread : threads_) thread->Post([&thread = *thread] { thread.ResumePaused(); });
}

void Network::Stop() {
  asio::post(main_context_, [this] { main_context_.stop(); });
}

}  // namespace ringkv::server
