// SPDX-License-Identifier: MIT
#include "server/observe/latency_events.h"

#include <algorithm>

namespace ringkv::server {
namespace {

constexpr size_t kSamplesKept = 160;

}  // namespace

void LatencyEvents::Add(std::string_view event, int64_t unix_seconds, uint64_t milliseconds) {
  const auto shown = static_cast<uint32_t>(std::min<uint64_t>(milliseconds, UINT32_MAX));
  storage::MutexLock lock(mutex_);
  auto found = events_.find(event);
  if (found == events_.end()) found = events_.emplace(event, Event()).first;
  Event& known = found->second;
  known.longest = std::max(known.longest, shown);
  if (!known.samples.empty() && known.samples.back().unix_seconds == unix_seconds) {
    known.samples.back().milliseconds = std::max(known.samples.back().milliseconds, shown);
    return;
  }
  known.samples.push_back({unix_seconds, shown});
  if (known.samples.size() > kSamplesKept) known.samples.pop_front();
}

std::map<std::string, LatencyEvents::Event, std::less<>> LatencyEvents::All() const {
  storage::MutexLock lock(mutex_);
  return events_;
}

bool LatencyEvents::Reset(std::string_view event) {
  storage::MutexLock lock(mutex_);
  const auto found = events_.find(event);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

size_t LatencyEvents::ResetAll() {
  storage::MutexLock lock(mutex_);
  const size_t count = events_.size();
  events_.clear();
  return count;
}

}  // namespace ringkv::server
