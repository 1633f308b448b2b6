// SPDX-License-Identifier: MIT
// The state of a client between two commands, without a socket, so that connections and tests can own one.
//
// Threads: confined to the client's thread; other threads read the card.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "server/base/needs.h"
#include "server/pubsub/broker.h"
#include "server/session/client_directory.h"
#include "server/session/transaction_queue.h"
#include "server/session/watched_keys.h"
#include "server/tracking/tracking_mode.h"
#include "server/users/session_user.h"
#include "storage/base/db_index.h"

namespace ringkv::server {

// The state of CLIENT REPLY.
struct ReplyMode {
  bool is_off = false;
  bool skips_next = false;  // SKIP affects the next command
  bool skips_this = false;  // SKIP affects the current command, or the whole transaction
  bool is_silent() const { return is_off || skips_this; }
};

// State set by commands and cleared by RESET.
struct SessionSettings {
  storage::DbIndex db = 0;
  int protocol = 2;
  bool authenticated = false;
  bool is_monitor = false;
  bool no_touch = false;
  bool imports = false;             // CLIENT IMPORT-SOURCE
  bool reads_from_replica = false;  // READONLY, in a cluster or with CLIENT CAPA redirect
  bool follows_redirects = false;   // CLIENT CAPA redirect
  bool is_asking = false;           // ASKING, for the next command
  bool takes_end_mark = false;      // REPLCONF CAPA EOF
  bool takes_new_history = false;   // REPLCONF CAPA PSYNC2
  bool wants_rdb_only = false;      // REPLCONF RDB-ONLY
  bool wants_no_keys = false;       // in that file: REPLCONF RDB-FILTER-ONLY
  bool speaks_node_link = false;    // REPLCONF CAPA of another RingKV
  bool is_relayed = false;          // a former primary passes on what the client sends to it
  bool wants_debugger = false;      // SCRIPT DEBUG YES or SYNC, which was refused, for the next script
  bool takes_published = false;     // REPLCONF CAPA of a replica that receives published messages
  TrackingMode tracking;
  ReplyMode reply_mode;
};

// What a client takes along to another thread.
struct SessionState {
  SessionSettings settings;
  std::shared_ptr<UserAccount> account;
  storage::Lsn last_lsn = 0;
  size_t tells_over = 0;
};

class Session : public SessionSettings {
 public:
  Session(std::shared_ptr<ClientCard> card_in, WatchedKeys& watched_keys);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Watch(storage::DbIndex watched_db, std::string_view key) { watched_keys_.Watch(watch, watched_db, key); }
  // Call after a change of its subscriptions.
  void NoteSubscriptions();

  // Whether its requests come from another server, which has executed them: its limits are not those of a client.
  bool repeats_another_server() const { return (checked_needs & kNeedsMemoryChecked) == 0; }

  void UnwatchAll() { watched_keys_.UnwatchAll(watch); }

  // Resets to the initial state, except for a SKIP that affects the current command, and who sends this; subscriptions
  // and registrations elsewhere must have been removed.
  void ResetSettings() {
    const bool skips_this = reply_mode.skips_this;
    const bool was_relayed = is_relayed;
    static_cast<SessionSettings&>(*this) = {};
    reply_mode.skips_this = skips_this;
    is_relayed = was_relayed;
  }

  // Whether SessionState is all that there is to it.
  bool HasOnlyState() const {
    return !queue.is_open() && watch.keys.empty() && subscriptions.empty() && !is_monitor && !tracking.is_on;
  }
  SessionState State() const { return {*this, user.account(), last_lsn, tells_over}; }
  void Resume(SessionState state);

  // Updates the card, once per batch of commands.
  void UpdateCard(int64_t now_ms);

  // Who the client is from now on: he is authenticated.
  void BecomeUser(std::shared_ptr<UserAccount> account);

  const std::shared_ptr<ClientCard> card;
  SessionUser user;
  uint32_t checked_needs = UINT32_MAX;  // the needs that apply; none for requests of another server
  storage::Lsn last_lsn = 0;            // the last LSN that the client's writes and replies may depend on
  // The thread over whose connections its messages go to other nodes of a cluster: they stay in order there when the
  // client moves to another one.
  size_t tells_over;
  TransactionQueue queue;
  WatchState watch;
  Subscriptions subscriptions;
  std::set<std::string> tracked_prefixes;      // CLIENT TRACKING BCAST
  size_t tracked_bytes = 0;                    // memory of these
  std::shared_ptr<const ClientCard> redirect;  // the client of CLIENT TRACKING REDIRECT
  uint64_t commands = 0;                       // executed since the card was updated
  uint32_t subscriber_needs = 0;               // needs that are unmet because the client has subscriptions

 private:
  WatchedKeys& watched_keys_;
};

// Shows the client as one of this user.
void ShowUser(ClientCard& card, const UserAccount& account);
// As a new connection: authenticated if the user `default` is enabled and needs no password.
void BecomeDefaultUser(Session& session, const Users& users);

}  // namespace ringkv::server
