// SPDX-License-Identifier: MIT
#include "server/net/spreader.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "server/composition/server.h"
#include "server/net/client_connection.h"
#include "server/net/client_connections.h"
#include "storage/base/work_clock.h"

namespace ringkv::server {
namespace {

constexpr uint64_t kShortestIntervalNs = 50'000'000;
constexpr uint64_t kLongestIntervalNs = 5'000'000'000;  // before that, the thread had no connections

void Subtract(std::atomic<uint32_t>& value, uint32_t amount) {
  const uint32_t before = value.load(std::memory_order_relaxed);
  value.store(before - std::min(before, amount), std::memory_order_relaxed);
}

}  // namespace

Spreading SpreadingOf(Server& server) {
  return server.options().adapts_io_threads != 0 ? Spreading::kThrifty : Spreading::kEven;
}

void ReadBurdens(Server& server, std::vector<Burden>* burdens) {
  burdens->clear();
  for (size_t i = 0; i < server.threads(); ++i) {
    const ThreadLoad& load = server.thread(i).load;
    burdens->push_back({.connections = load.connections.load(std::memory_order_relaxed),
                        .busy = load.busy_permille.load(std::memory_order_relaxed)});
  }
}

void Spreader::Tick(std::span<ClientConnection* const> connections) {
  if (threads_.size() == 1) return;
  const uint64_t now_ns = server_.ticks().Nanoseconds(server_.ticks().Now());
  const uint64_t elapsed_ns = now_ns - measured_ns_;
  if (elapsed_ns < kShortestIntervalNs) return;
  const auto cpu_ns = static_cast<uint64_t>(storage::ReadWorkClock(CLOCK_THREAD_CPUTIME_ID).count());
  const uint64_t used_ns = cpu_ns - std::exchange(measured_cpu_ns_, cpu_ns);
  measured_ns_ = now_ns;
  work_ = 0;
  for (ClientConnection* connection : connections) {
    connection->recent_work = std::exchange(connection->work, 0);
    work_ += connection->recent_work;
  }
  if (elapsed_ns > kLongestIntervalNs) return;
  const auto busy = static_cast<uint32_t>(std::min<uint64_t>(used_ns * 1000 / elapsed_ns, 1000));
  server_.thread(own_).load.busy_permille.store(busy, std::memory_order_relaxed);
  is_due_ = true;
}

void Spreader::Rest() {
  server_.thread(own_).load.busy_permille.store(0, std::memory_order_relaxed);
  measured_ns_ = 0;
}

void Spreader::MoveSome(const ClientConnections& connections) {
  is_due_ = false;
  ReadBurdens(server_, &burdens_);
  const std::optional<Handover> handover = PlanHandover(burdens_, own_, SpreadingOf(server_));
  if (handover) Move(*handover, connections.All());
}

void Spreader::Move(const Handover& handover, std::span<ClientConnection* const> connections) {
  IoThread& target = *threads_[handover.to];
  const uint64_t own_busy = burdens_[own_].busy;
  size_t moved = 0;
  unsigned moved_busy = 0;
  for (ClientConnection* connection : connections) {
    if (moved == handover.connections) break;
    if (handover.only_active && connection->recent_work == 0) continue;
    const auto busy = static_cast<unsigned>(work_ == 0 ? 0 : own_busy * connection->recent_work / work_);
    if (busy > handover.busy - moved_busy || !connection->MoveTo(target)) continue;
    ++moved;
    moved_busy += busy;
  }
  // So that others see it before it is measured.
  server_.thread(handover.to).load.busy_permille.fetch_add(moved_busy, std::memory_order_relaxed);
  Subtract(server_.thread(own_).load.busy_permille, moved_busy);
}

}  // namespace ringkv::server
