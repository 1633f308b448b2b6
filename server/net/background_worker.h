// SPDX-License-Identifier: MIT
// A thread for computations that would hold up the other clients of an I/O thread: reading and writing long texts,
// digests of large values. One for the whole server: who sends work for it waits for others who do, and for nobody
// else.
//
// Threads: Run is called by any thread; the rest by the owner.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <thread>

namespace ringkv::server {

class BackgroundWorker {
 public:
  BackgroundWorker() = default;
  ~BackgroundWorker() { Stop(); }
  BackgroundWorker(const BackgroundWorker&) = delete;
  BackgroundWorker& operator=(const BackgroundWorker&) = delete;

  void Start();
  // Ends the thread behind what it is doing; what waits behind that is dropped with the object.
  void Stop();
  // In the order in which it is called. Bounded by the callers: each connection has one piece of work under way.
  void Run(std::function<void()> work);

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_{context_.get_executor()};
  std::thread thread_;
};

}  // namespace ringkv::server
