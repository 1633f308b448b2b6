// SPDX-License-Identifier: MIT
// A TCP proxy to a port of this machine, which cuts its lines when a test says so.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"

namespace ringkv::test {

class CuttingProxy {
 public:
  explicit CuttingProxy(int target_port);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  int port() const { return port_; }
  void set_target(int port) { target_port_ = port; }
  // Cuts all lines that there are now.
  void Cut();
  // Cuts each line after so many bytes towards its caller; 0 never.
  void CutAfter(size_t bytes) { cut_after_ = bytes; }
  // Lines so far.
  size_t accepted() const { return accepted_; }
  // Nothing passes while it is held.
  void Hold(bool hold) { is_held_ = hold; }

 private:
  struct Line;
  void Accept();
  void Carry(Line& line);

  std::atomic<int> target_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<bool> is_held_{false};
  std::atomic<size_t> cut_after_{0};
  std::atomic<size_t> accepted_{0};
  storage::Mutex mutex_;
  std::vector<std::unique_ptr<Line>> lines_ GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace ringkv::test
