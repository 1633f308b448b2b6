// SPDX-License-Identifier: MIT
#include "server/net/background_worker.h"

#include <asio/post.hpp>

#include "server/observe/log.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

void BackgroundWorker::Start() {
  thread_ = std::thread([this] {
    NameThisThread("worker");
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
