// SPDX-License-Identifier: MIT
#include "server/observe/monitor.h"

#include <algorithm>
#include <cstdio>

#include "server/base/text.h"

namespace ringkv::server {

void Monitor::Add(std::shared_ptr<ClientCard> listener) {
  storage::MutexLock lock(mutex_);
  listeners_.push_back(std::move(listener));
  listeners_count_.store(listeners_.size(), std::memory_order_relaxed);
}

void Monitor::Remove(const ClientCard& listener) {
  storage::MutexLock lock(mutex_);
  std::erase_if(listeners_, [&](const auto& card) { return card.get() == &listener; });
  listeners_count_.store(listeners_.size(), std::memory_order_relaxed);
}

void Monitor::Feed(ClientLinks& links, int64_t unix_microseconds, storage::DbIndex db, const ClientCard& client,
                   std::span<const std::string_view> argv) {
  char head[64];
  std::snprintf(head, sizeof head, "+%lld.%06lld [%u ", static_cast<long long>(unix_microseconds / 1'000'000),
                static_cast<long long>(unix_microseconds % 1'000'000), static_cast<unsigned>(db));
  std::string line = head;
  if (client.is_script) {
    line += "lua";
  } else {
    line += client.is_unix ? "unix:" + client.address.substr(0, client.address.rfind(':')) : client.address;
  }
  line += ']';
  for (const std::string_view argument : argv) {
    line += ' ';
    AppendQuoted(&line, argument);
  }
  line += "\r\n";
  const auto shared = std::make_shared<const std::string>(std::move(line));
  storage::MutexLock lock(mutex_);
  for (const auto& listener : listeners_) links.Push(*listener, shared);
}

}  // namespace ringkv::server
