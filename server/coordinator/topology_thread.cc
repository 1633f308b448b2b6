// SPDX-License-Identifier: MIT
#include "server/coordinator/topology_thread.h"

#include <chrono>
#include <utility>

#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using storage::MutexLock;

constexpr auto kSoon = std::chrono::milliseconds(20);
constexpr auto kLater = std::chrono::milliseconds(1000);  // something else must change first

}  // namespace

void TopologyThread::Start() {
  thread_ = std::thread([this] { Run(); });
}

void TopologyThread::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void TopologyThread::Show(std::optional<std::string> text, bool leads) {
  MutexLock lock(mutex_);
  text_ = std::move(text);
  leads_ = leads;
  is_open_ = true;
  changed_.notify_one();
}

void TopologyThread::Run() {
  NameThisThread("topology");
  storage::CountMemoryOfThisThread();
  std::optional<std::chrono::milliseconds> nap;  // until it is tried again
  mutex_.Lock();
  while (!stopping_) {
    if (!is_open_) {
      const bool is_late = !mutex_.WaitUntil(changed_, std::chrono::steady_clock::now() + nap.value_or(kLater));
      if (!is_late || !nap) continue;
    }
    is_open_ = false;
    const std::optional<std::string> text = text_;
    const bool leads = leads_;
    mutex_.Unlock();
    nap = Take(text, leads);
    mutex_.Lock();
  }
  mutex_.Unlock();
}

std::optional<std::chrono::milliseconds> TopologyThread::Take(const std::optional<std::string>& text, bool leads) {
  const storage::Result<bool> taken =
      text ? cluster_.TakeElected(*text, leads)
           : storage::Result<bool>(storage::Fail("there is none with the shard of this node "
                                                 "(ringkv-cluster init, apply)"));
  const std::string failure = taken ? "" : taken.error().text;
  if (failure != failure_ && !failure.empty())
    log_.Warning("cluster: the topology in etcd can't be followed: " + failure);
  failure_ = failure;
  if (!taken) return kLater;
  return *taken ? std::nullopt : std::optional(kSoon);
}

}  // namespace ringkv::server
