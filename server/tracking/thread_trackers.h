// SPDX-License-Identifier: MIT
// The clients of a thread that keep copies of keys, and the prefixes of those who hear of every change (BCAST).
//
// Keys that have changed are collected by prefix until the end of the thread's round, as in Redis: each client gets one
// message for each of its prefixes.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/lsn.h"

namespace ringkv::server {

class ThreadTrackers {
 public:
  // Keys that have changed, each with its author (see storage::Invalidation).
  using Changed = std::map<std::string, uint64_t, std::less<>>;

  void Add(uint64_t client) { clients_.insert(client); }
  void Remove(uint64_t client) { clients_.erase(client); }
  const std::set<uint64_t>& clients() const { return clients_; }

  void AddPrefix(const std::string& prefix, uint64_t client);
  void RemovePrefix(const std::string& prefix, uint64_t client);

  // The key has changed; `lsn`: of the change.
  void NoteChanged(std::string_view key, uint64_t author, storage::Lsn lsn);
  bool has_changed() const { return !pending_.empty(); }
  // `tell(clients, changed, lsn)` for each prefix of which keys have changed since the last call.
  template <typename Function>
  void TakeChanged(Function&& tell) {
    for (const auto& [name, prefix] : std::exchange(pending_, {})) {
      tell(prefix->clients, std::exchange(prefix->changed, {}), lsn_);
    }
    lsn_ = 0;
  }
  void ForgetChanged() {
    TakeChanged([](const std::set<uint64_t>&, const Changed&, storage::Lsn) {});
  }

 private:
  struct Prefix {
    std::set<uint64_t> clients;
    Changed changed;
  };

  std::set<uint64_t> clients_;
  std::map<std::string, Prefix, std::less<>> prefixes_;
  std::map<size_t, size_t> lengths_;             // of the prefixes, with how many have it
  std::map<std::string_view, Prefix*> pending_;  // those with keys that have changed
  storage::Lsn lsn_ = 0;                         // the last of these changes
};

}  // namespace ringkv::server
