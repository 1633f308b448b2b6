// SPDX-License-Identifier: MIT
// One thread per server for computations that would delay the other clients of an I/O thread: parsing and writing long
// documents, digests of large values. Work waits only for earlier work of this thread.
//
// Threads: Run from any thread; other methods from the owner.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <string>
#include <thread>

namespace ringkv::server {

class BackgroundWorker {
 public:
  BackgroundWorker() = default;
  ~BackgroundWorker() { Stop(); }
  BackgroundWorker(const BackgroundWorker&) = delete;
  BackgroundWorker& operator=(const BackgroundWorker&) = delete;

  // `cpu_list`: the processors that it may use; empty for all.
  void Start(const std::string& cpu_list);
  // Ends the thread after its current work; further work is dropped with the object.
  void Stop();
  // Runs work in the order of calls. The queue is bounded by the callers: one piece of work per connection.
  void Run(std::function<void()> work);

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_{context_.get_executor()};
  std::thread thread_;
};

}  // namespace ringkv::server
