// SPDX-License-Identifier: MIT
#include "tests/support/cutting_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/loopback.h"

namespace ringkv::test {
namespace {

constexpr int kSliceMs = 5;

}  // namespace

struct CuttingProxy::Line {
  int caller = -1;
  int target = -1;
  std::atomic<bool> is_cut{false};
  std::thread thread;
};

CuttingProxy::CuttingProxy(int target_port) : target_port_(target_port) {
  listener_ = ListenOnLoopback(port_);
  acceptor_ = std::thread([this] { Accept(); });
}

CuttingProxy::~CuttingProxy() {
  ending_ = true;
  acceptor_.join();
  ::close(listener_);
  Cut();
  storage::MutexLock lock(mutex_);
  for (auto& line : lines_) line->thread.join();
}

void CuttingProxy::Cut() {
  storage::MutexLock lock(mutex_);
  for (auto& line : lines_) line->is_cut = true;
}

void CuttingProxy::Accept() {
  while (!ending_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kSliceMs) <= 0) continue;
    auto line = std::make_unique<Line>();
    line->caller = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ++accepted_;
    line->target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = LoopbackAt(target_port_);
    if (::connect(line->target, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) line->is_cut = true;
    storage::MutexLock lock(mutex_);
    lines_.push_back(std::move(line));
    Line& carried = *lines_.back();
    carried.thread = std::thread([this, &carried] { Carry(carried); });
  }
}

void CuttingProxy::Carry(Line& line) {
  size_t carried = 0;
  char bytes[16 * 1024];
  while (!line.is_cut && !ending_) {
    pollfd waiting[2] = {{line.caller, POLLIN, 0}, {line.target, POLLIN, 0}};
    if (is_held_) {
      ::poll(nullptr, 0, kSliceMs);
      continue;
    }
    if (::poll(waiting, 2, kSliceMs) <= 0 || is_held_) continue;
    for (const bool to_caller : {false, true}) {
      if (waiting[to_caller ? 1 : 0].revents == 0) continue;
      const ssize_t got = ::recv(to_caller ? line.target : line.caller, bytes, sizeof bytes, 0);
      if (got <= 0) {
        line.is_cut = true;
        break;
      }
      auto size = static_cast<size_t>(got);
      if (to_caller && cut_after_ != 0 && carried + size >= cut_after_) {
        size = cut_after_ > carried ? cut_after_ - carried : 0;
        line.is_cut = true;
      }
      if (to_caller) carried += size;
      for (size_t sent = 0; sent < size;) {
        const ssize_t count = ::send(to_caller ? line.caller : line.target, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
      }
    }
  }
  ::close(line.caller);
  ::close(line.target);
}

}  // namespace ringkv::test
