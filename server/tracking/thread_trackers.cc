// SPDX-License-Identifier: MIT
#include "server/tracking/thread_trackers.h"

namespace ringkv::server {

void ThreadTrackers::AddPrefix(const std::string& prefix, uint64_t client) {
  const auto [found, is_new] = prefixes_.try_emplace(prefix);
  if (is_new) ++lengths_[prefix.size()];
  found->second.clients.insert(client);
}

void ThreadTrackers::RemovePrefix(const std::string& prefix, uint64_t client) {
  const auto found = prefixes_.find(prefix);
  if (found == prefixes_.end()) return;
  found->second.clients.erase(client);
  if (!found->second.clients.empty()) return;
  pending_.erase(found->first);
  prefixes_.erase(found);
  const auto length = lengths_.find(prefix.size());
  if (--length->second == 0) lengths_.erase(length);
}

void ThreadTrackers::NoteChanged(std::string_view key, uint64_t author, storage::Lsn lsn) {
  for (const auto& [length, count] : lengths_) {
    if (length > key.size()) return;
    const auto found = prefixes_.find(key.substr(0, length));
    if (found == prefixes_.end()) continue;
    Changed& changed = found->second.changed;
    const auto known = changed.find(key);
    if (known == changed.end()) {
      changed.emplace(std::string(key), author);
    } else if (known->second != author) {
      known->second = 0;  // of several: each of them is told
    }
    pending_.emplace(found->first, &found->second);
    lsn_ = std::max(lsn_, lsn);
  }
}

}  // namespace ringkv::server
