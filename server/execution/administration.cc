// SPDX-License-Identifier: MIT
#include "server/execution/administration.h"

#include <utility>

#include "server/observe/log.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::MutexLock;

void Administration::Do(Lane lane, std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (is_stopping_) return;
    Worker& worker = workers_[static_cast<size_t>(lane)];
    worker.work.push_back(std::move(work));
    if (!worker.thread.joinable()) worker.thread = std::thread([this, &worker] { Run(worker); });
  }
  changed_.notify_all();
}

void Administration::Stop() {
  std::array<std::thread, std::tuple_size_v<decltype(workers_)>> threads;
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    for (size_t i = 0; i < threads.size(); ++i) threads[i].swap(workers_[i].thread);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

void Administration::Run(Worker& worker) {
  NameThisThread("admin");
  storage::CountMemoryOfThisThread();
  std::function<void()> work;
  while (Next(worker, work)) {
    work();
    work = nullptr;
  }
}

bool Administration::Next(Worker& worker, std::function<void()>& work) {
  MutexLock lock(mutex_);
  while (!is_stopping_ && worker.work.empty()) mutex_.Wait(changed_);
  if (is_stopping_) return false;
  work = std::move(worker.work.front());
  worker.work.pop_front();
  return true;
}

}  // namespace ringkv::server
