// SPDX-License-Identifier: MIT
#include "server/users/denial_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ringkv::server {
namespace {

// As redis-server: only among the newest ten an equal entry is sought, and not beyond a minute.
constexpr size_t kMostCompared = 10;
constexpr int64_t kGroupingMs = 60'000;

bool IsSame(const DenialEntry& a, const DenialEntry& b) {
  return a.reason == b.reason && a.context == b.context && a.object == b.object && a.username == b.username &&
         b.created_ms - a.created_ms <= kGroupingMs;
}

}  // namespace

void DenialLog::Add(DenialEntry entry, size_t most) {
  storage::MutexLock lock(mutex_);
  const auto end = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(std::min(entries_.size(), kMostCompared)));
  const auto same = std::find_if(entries_.begin(), end, [&](const DenialEntry& each) { return IsSame(each, entry); });
  if (same != end) {
    entry.count = same->count + 1;
    entries_.erase(same);
  }
  entries_.push_front(std::move(entry));
  while (entries_.size() > most) entries_.pop_back();
}

std::vector<DenialEntry> DenialLog::Newest(size_t count) const {
  storage::MutexLock lock(mutex_);
  const auto end = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(std::min(entries_.size(), count)));
  return {entries_.begin(), end};
}

void DenialLog::Reset() {
  storage::MutexLock lock(mutex_);
  entries_.clear();
}

}  // namespace ringkv::server
