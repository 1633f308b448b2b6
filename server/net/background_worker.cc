// SPDX-License-Identifier: MIT
#include "server/net/background_worker.h"

#include <asio/post.hpp>

#include "server/observe/log.h"
#include "server/process/cpu_list.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

void BackgroundWorker::Start(const std::string& cpu_list) {
  thread_ = std::thread([this, cpu_list] {
    NameThisThread("worker");
    RunOnProcessors(cpu_list);
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
