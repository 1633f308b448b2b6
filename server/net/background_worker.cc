// SPDX-License-Identifier: MIT
#include "server/net/background_worker.h"

#include <asio/post.hpp>
#include <chrono>

#include "server/base/scheduling.h"
#include "server/observe/log.h"
#include "server/process/cpu_list.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

// Of the scheduler: a thread of clients waits so long for a processor that has this one.
constexpr std::chrono::microseconds kSlice{500};

}  // namespace

void BackgroundWorker::Start(const std::string& cpu_list) {
  thread_ = std::thread([this, cpu_list] {
    NameThisThread("worker");
    RunOnProcessors(cpu_list);
    RunInSlices(kSlice);
    storage::CountMemoryOfThisThread();
    context_.run();
  });
}

void BackgroundWorker::Stop() {
  if (!thread_.joinable()) return;
  context_.stop();
  thread_.join();
}

void BackgroundWorker::Run(std::function<void()> work) { asio::post(context_, std::move(work)); }

}  // namespace ringkv::server
