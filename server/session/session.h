// SPDX-License-Identifier: MIT
// What is remembered of a client between two commands. It has no socket: a connection owns one, and so does a test.
//
// Threads: confined to the client's thread; the card is what others may see.
#pragma once

#include <memory>
#include <string_view>

#include "server/pubsub/broker.h"
#include "server/session/client_directory.h"
#include "server/session/transaction_queue.h"
#include "server/session/watched_keys.h"
#include "storage/base/db_index.h"

namespace ringkv::server {

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext, kSkipThis };

// What a client has asked for by its commands, and RESET takes back.
struct SessionSettings {
  storage::DbIndex db = 0;
  int protocol = 2;
  bool authenticated = false;
  bool is_monitor = false;
  bool no_touch = false;
  bool reads_from_replica = false;  // READONLY, in a cluster
  bool is_asking = false;           // ASKING, for the next command
  bool takes_end_mark = false;      // REPLCONF CAPA EOF
  bool wants_rdb_only = false;      // REPLCONF RDB-ONLY
  bool speaks_node_link = false;    // REPLCONF CAPA of another RingKV
  bool takes_published = false;     // REPLCONF CAPA of a replica that passes on what is published
  ReplyMode reply_mode = ReplyMode::kOn;
};

class Session : public SessionSettings {
 public:
  Session(std::shared_ptr<ClientCard> card_in, WatchedKeys& watched_keys);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Watch(storage::DbIndex watched_db, std::string_view key) { watched_keys_.Watch(watch, watched_db, key); }
  // To be called when what it has subscribed to has changed.
  void NoteSubscriptions();

  void UnwatchAll() { watched_keys_.UnwatchAll(watch); }

  // As a new connection's; subscriptions and what else others know of must have been taken back.
  void ResetSettings() { static_cast<SessionSettings&>(*this) = {}; }

  // What others read on the card is written once a batch of commands.
  void UpdateCard(int64_t now_ms);

  const std::shared_ptr<ClientCard> card;
  uint32_t checked_needs = UINT32_MAX;  // of commands; who speaks for another server is refused nothing
  storage::Lsn last_lsn = 0;            // the last group that what the client has done or seen may depend on
  TransactionQueue queue;
  WatchState watch;
  Subscriptions subscriptions;
  uint32_t subscriber_needs = 0;  // of commands: what isn't met because it has subscribed to something

 private:
  WatchedKeys& watched_keys_;
};

}  // namespace ringkv::server
