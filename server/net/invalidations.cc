// SPDX-License-Identifier: MIT
#include "server/net/invalidations.h"

#include <set>
#include <string_view>

#include "server/net/invalidation_message.h"
#include "server/tracking/tracking_mode.h"

namespace ringkv::server {

using storage::Invalidation;

void Invalidations::Tell() {
  for (const auto& invalidation : std::exchange(waiting_, {})) TellOf(*invalidation);
}

void Invalidations::TellOf(const Invalidation& invalidation) {
  for (const Invalidation::Item& item : invalidation.items) {
    if (item.what == Invalidation::What::kEverything) {
      TellOfEverything(invalidation.lsn, ForWhom::kAll);
      continue;
    }
    trackers_.NoteChanged(item.key, item.author, invalidation.lsn);
    InvalidationMessage message{.lsn = invalidation.lsn};
    for (const storage::TrackerId tracker : item.trackers) {
      if (ThreadOf(tracker) != thread_) continue;
      const uint64_t client = ClientOf(tracker);
      ClientConnection* const connection = client == item.author ? nullptr : connections_.Find(client);
      if (connection == nullptr) continue;
      if (message.keys.empty()) message.keys = EncodeKeys({item.key});
      connection->Invalidate(message, ForWhom::kReaders);
    }
  }
  if (invalidation.ends_broadcasts) TellOfEverything(invalidation.lsn, ForWhom::kBroadcasts);
}

void Invalidations::TellOfEverything(storage::Lsn lsn, ForWhom whom) {
  trackers_.ForgetChanged();
  for (const uint64_t client : trackers_.clients()) {
    if (ClientConnection* const connection = connections_.Find(client)) connection->Invalidate({.lsn = lsn}, whom);
  }
}

void Invalidations::TellAll() {
  Tell();
  if (!trackers_.has_changed()) return;
  trackers_.TakeChanged(
      [this](const std::set<uint64_t>& clients, const ThreadTrackers::Changed& changed, storage::Lsn lsn) {
        std::vector<std::string_view> all;
        std::set<uint64_t> authors;
        for (const auto& [key, author] : changed) {
          all.push_back(key);
          if (author != 0) authors.insert(author);
        }
        const InvalidationMessage message{.keys = EncodeKeys(all), .lsn = lsn};
        for (const uint64_t client : clients) {
          ClientConnection* const connection = connections_.Find(client);
          if (connection == nullptr) continue;
          if (!authors.contains(client)) {
            connection->Invalidate(message, ForWhom::kBroadcasts);
            continue;
          }
          std::vector<std::string_view> of_others;
          for (const auto& [key, author] : changed) {
            if (author != client) of_others.push_back(key);
          }
          if (of_others.empty()) continue;
          connection->Invalidate({.keys = EncodeKeys(of_others), .lsn = lsn}, ForWhom::kBroadcasts);
        }
      });
}

}  // namespace ringkv::server
