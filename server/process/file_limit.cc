// SPDX-License-Identifier: MIT
#include "server/process/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace ringkv::server {
namespace {

constexpr int64_t kOwnFiles = 28;       // listeners, log, snapshots and the like
constexpr int64_t kFilesOfAThread = 4;  // its event loop

}  // namespace

int64_t RaiseFileLimit(int64_t clients, int64_t io_threads) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return clients;
  const int64_t own = kOwnFiles + kFilesOfAThread * io_threads;
  const auto wanted = static_cast<rlim_t>(clients + own);
  if (limit.rlim_cur >= wanted) return clients;
  const rlimit raised{wanted, std::max(limit.rlim_max, wanted)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return clients;
  // Exceeding the hard limit needs a privilege.
  const rlimit highest{std::min(wanted, limit.rlim_max), limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &highest) == 0) limit = highest;
  return std::clamp<int64_t>(static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, wanted)) - own, 1, clients);
}

}  // namespace ringkv::server
