// SPDX-License-Identifier: MIT
#include "server/session/client_directory.h"

#include <algorithm>

#include "server/command/command.h"

namespace ringkv::server {

void ClientDirectory::Add(const std::shared_ptr<ClientCard>& card) {
  storage::MutexLock lock(mutex_);
  card->id = next_id_++;
  cards_.emplace(card->id, card);
  size_.store(cards_.size(), std::memory_order_relaxed);
}

void ClientDirectory::Remove(uint64_t id) {
  storage::MutexLock lock(mutex_);
  if (const auto found = cards_.find(id); found != cards_.end()) {
    found->second->has_left = true;
    cards_.erase(found);
  }
  size_.store(cards_.size(), std::memory_order_relaxed);
}

std::shared_ptr<ClientCard> ClientDirectory::Find(uint64_t id) const {
  storage::MutexLock lock(mutex_);
  const auto found = cards_.find(id);
  return found == cards_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<ClientCard>> ClientDirectory::All() const {
  storage::MutexLock lock(mutex_);
  std::vector<std::shared_ptr<ClientCard>> all;
  all.reserve(cards_.size());
  for (const auto& [id, card] : cards_) all.push_back(card);
  return all;
}

std::vector<std::shared_ptr<ClientCard>> ClientDirectory::TakeLargest(size_t limit) {
  using Sized = std::pair<size_t, std::shared_ptr<ClientCard>>;
  storage::MutexLock lock(mutex_);
  size_t total = 0;
  std::vector<Sized> candidates;
  for (const auto& [id, card] : cards_) {
    if (card->is_replica || card->is_closing) continue;
    const size_t bytes = card->MemoryBytes();
    total += bytes;
    if (!card->no_evict) candidates.emplace_back(bytes, card);
  }
  std::make_heap(candidates.begin(), candidates.end());
  std::vector<std::shared_ptr<ClientCard>> taken;
  while (total > limit && !candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end());
    candidates.back().second->is_closing = true;
    total -= candidates.back().first;
    taken.push_back(std::move(candidates.back().second));
    candidates.pop_back();
  }
  return taken;
}

std::string FlagsOf(const ClientCard& card) {
  std::string flags;
  if (card.is_replica) flags += 'S';
  if (card.is_monitor) flags += 'O';
  if (card.is_subscriber()) flags += 'P';
  if (card.queued_commands >= 0) flags += 'x';
  if (card.is_paused || card.is_waiting) flags += 'b';
  if (card.tracks) flags += 't';
  if (card.has_broken_redirect) flags += 'R';
  if (card.tracks_prefixes) flags += 'B';
  if (card.watch_failed) flags += 'd';
  if (card.is_closing) flags += 'c';
  if (card.is_unix) flags += 'U';
  if (card.no_evict) flags += 'e';
  if (card.no_touch) flags += 'T';
  if (card.imports) flags += 'I';
  return flags.empty() ? "N" : flags;
}

std::string_view CapabilitiesOf(const ClientCard& card) { return card.follows_redirects ? "r" : ""; }

std::string DescribeClient(const ClientCard& card, int64_t now_ms) {
  std::string command = "NULL";
  if (const Command* last = card.last_command) {
    command =
        last->parent.empty() ? std::string(last->name) : std::string(last->parent) + "|" + std::string(last->name);
  }
  const auto field = [](std::string_view name, const auto& value) {
    if constexpr (requires { std::to_string(value); }) {
      return " " + std::string(name) + "=" + std::to_string(value);
    } else {
      return " " + std::string(name) + "=" + std::string(value);
    }
  };
  return "id=" + std::to_string(card.id) + field("addr", card.address) + field("laddr", card.local_address) +
         field("fd", card.descriptor) + field("name", card.name.Get()) +
         field("age", (now_ms - card.connected_ms) / 1000) + field("idle", (now_ms - card.last_used_ms) / 1000) +
         field("flags", FlagsOf(card)) + field("capa", CapabilitiesOf(card)) + field("db", card.db.load()) +
         field("sub", card.subscriptions[0].load()) + field("psub", card.subscriptions[1].load()) +
         field("ssub", card.subscriptions[2].load()) + field("multi", card.queued_commands.load()) +
         field("watch", card.watched_keys.load()) + field("qbuf", card.input_bytes.load()) +
         field("qbuf-free", card.input_free.load()) + field("argv-mem", card.argument_bytes.load()) +
         field("multi-mem", card.queue_bytes.load()) + field("rbs", card.output_capacity.load()) +
         field("rbp", card.output_peak.load()) + field("obl", card.output_bytes.load()) + " oll=0" +
         field("omem", card.output_bytes.load()) + field("tot-mem", card.MemoryBytes()) +
         field("events", card.output_bytes > 0 ? "rw" : "r") + field("cmd", command) + field("user", card.user.Get()) +
         field("redir", card.redirect.load()) + field("resp", card.protocol.load()) +
         field("lib-name", card.library_name.Get()) + field("lib-ver", card.library_version.Get()) +
         field("io-thread", card.thread.load()) + field("tot-net-in", card.received_bytes.load()) +
         field("tot-net-out", card.sent_bytes.load()) + field("tot-cmds", card.commands.load());
}

}  // namespace ringkv::server
