// SPDX-License-Identifier: MIT
// What is remembered of a client between two commands. It has no socket: a connection owns one, and so does a test.
//
// Threads: confined to the client's thread; the card is what others may see.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resp/reply_writer.h"
#include "server/pubsub/broker.h"
#include "server/session/client_directory.h"
#include "server/session/reply_stream.h"
#include "server/session/transaction_queue.h"
#include "server/session/watched_keys.h"
#include "storage/db_index.h"

namespace ringkv::server {

struct ProxyPlan;
struct WaitingRequest;

// A client that waits until so many replicas have what it has written.
struct ReplicaWait {
  storage::Lsn lsn = 0;
  size_t replicas = 0;
  int64_t deadline_ms = 0;
};

// Who takes a client's socket over when all replies have left, with the bytes that it has sent since.
using SocketTaker = std::function<void(int descriptor, std::string unread)>;

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
  uint32_t heeds =
      UINT32_MAX;  // which needs of commands are looked at; who speaks for another server is refused nothing
  bool close_after_reply = false;
  bool close_now = false;  // without another byte
  bool in_exec = false;
  storage::Lsn last_lsn = 0;  // the last group that what the client has done or seen may depend on
  TransactionQueue queue;
  WatchState watch;
  std::vector<std::function<void()>> after_exec;  // what EXEC has put off until its locks are free
  Subscriptions subscriptions;
  // Set while a command runs whose reply the client doesn't want: writes the pushes, which it wants all the same.
  resp::ReplyWriter* pushes = nullptr;
  uint32_t subscriber_needs = 0;    // of commands: what isn't met because it has subscribed to something
  std::optional<ReplicaWait> wait;  // nothing is served until it ends
  // The request that waits for a key; nothing is served until it ends.
  std::shared_ptr<const WaitingRequest> key_wait;
  uint64_t wait_generation = 0;           // of WaitingClients, before the last request that may wait was admitted
  bool may_wait = false;                  // for a key: there is a connection that can be answered later
  std::unique_ptr<ProxyPlan> proxy_plan;  // of the request that other nodes are to be asked
  SocketTaker take_socket;                // set: the connection ends here and goes on there
  std::unique_ptr<ReplyStream> stream;    // the reply to the last command goes on; nothing is served until it ends

 private:
  WatchedKeys& watched_keys_;
};

}  // namespace ringkv::server
