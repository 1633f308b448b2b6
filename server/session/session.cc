// SPDX-License-Identifier: MIT
#include "server/session/session.h"

#include <utility>

#include "server/command/command_table.h"

namespace ringkv::server {

Session::Session(std::shared_ptr<ClientCard> card_in, WatchedKeys& watched_keys)
    : card(std::move(card_in)), tells_over(card->thread), watched_keys_(watched_keys) {}

Session::~Session() { watched_keys_.UnwatchAll(watch); }

void Session::BecomeUser(std::shared_ptr<UserAccount> account) {
  ShowUser(*card, *account);
  user.Set(std::move(account));
  authenticated = true;
}

void Session::Resume(SessionState state) {
  BecomeUser(std::move(state.account));
  static_cast<SessionSettings&>(*this) = state.settings;
  last_lsn = state.last_lsn;
  tells_over = state.tells_over;
}

void ShowUser(ClientCard& card, const UserAccount& account) {
  card.user.Set(account.name());
  card.user_id = account.id();
}

void BecomeDefaultUser(Session& session, const Users& users) {
  session.BecomeUser(users.default_user());
  const std::shared_ptr<const Permissions> permissions = users.default_user()->permissions();
  session.authenticated = permissions->needs_no_password && permissions->is_enabled;
}

void Session::NoteSubscriptions() {
  subscriber_needs = protocol == 2 && !subscriptions.empty() ? uint32_t{kNeedsNoSubscription} : 0;
  for (size_t topic = 0; topic < subscriptions.names.size(); ++topic) {
    card->subscriptions[topic] = subscriptions.names[topic].size();
  }
}

void Session::UpdateCard(int64_t now_ms) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  card->last_used_ms.store(now_ms, kRelaxed);
  card->db.store(db, kRelaxed);
  card->protocol.store(protocol, kRelaxed);
  card->queued_commands.store(queue.is_open() ? static_cast<int>(queue.commands().size()) : -1, kRelaxed);
  card->queue_bytes.store(queue.MemoryBytes(), kRelaxed);
  card->watch_bytes.store(watch.bytes, kRelaxed);
  card->watched_keys.store(watch.keys.size(), kRelaxed);
  card->commands.fetch_add(std::exchange(commands, 0), kRelaxed);
  card->subscription_bytes.store(subscriptions.bytes + tracked_bytes, kRelaxed);
  card->watch_failed.store(watch.touched.load(kRelaxed), kRelaxed);
}

}  // namespace ringkv::server
