// SPDX-License-Identifier: MIT
#include "server/blocking/waiting_clients.h"

#include "server/command/key_positions.h"

namespace ringkv::server {

using storage::MutexLock;

WaitingClients::WaitingClients(storage::Store& store) : random_(1), txn_(store, 0, random_) {
  txn_.set_skips_held(true);  // who serves may hold up a thread of clients
}

std::set<WaitingClients::Key> WaitingClients::KeysOf(const WaitingRequest& request) {
  const std::vector<std::string_view> argv(request.argv.begin(), request.argv.end());
  std::set<Key> keys;
  ForEachKey(*request.command->row, argv, [&](std::string_view key) { keys.emplace(request.db, key); });
  return keys;
}

void WaitingClients::Add(std::shared_ptr<WaitingRequest> request) {
  MutexLock lock(mutex_);
  request->ticket = next_ticket_++;
  for (const std::string& argument : request->argv) request->memory_bytes += sizeof(std::string) + argument.size();
  for (const Key& key : KeysOf(*request)) {
    keys_[key].queues[SoughtBy(*request)].emplace(request->ticket, request);
    request->memory_bytes += kKeyBytes + key.second.size() + request->plan.sought.size();
  }
  clients_[request->client->id] = std::move(request);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

bool WaitingClients::Remove(uint64_t client) {
  if (size() == 0) return false;
  // No client is served meanwhile, so a client in the map has not been answered.
  MutexLock serving(serving_);
  MutexLock lock(mutex_);
  const auto found = clients_.find(client);
  if (found == clients_.end()) return false;
  RemoveLocked(Waiter(found->second));
  return true;
}

void WaitingClients::RemoveLocked(const Waiter& request) {
  for (const Key& key : KeysOf(*request)) {
    const auto waiters = keys_.find(key);
    auto& queues = waiters->second.queues;
    const auto queue = queues.find(SoughtBy(*request));
    queue->second.erase(request->ticket);
    if (queue->second.empty()) queues.erase(queue);
    if (queues.empty()) keys_.erase(waiters);
  }
  clients_.erase(request->client->id);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

// --- what the data does ---------------------------------------------------------------------------------------------

bool WaitingClients::MarkReady(const Key& key, Waiters& waiters) {
  if (!waiters.is_ready) ready_.push_back(key);
  waiters.is_ready = true;
  has_ready_ = true;
  return true;
}

bool WaitingClients::NoteChange(storage::DbIndex db, std::string_view key) {
  if (size() == 0) return false;
  MutexLock lock(mutex_);
  const auto found = keys_.find(Key(db, key));
  return found != keys_.end() && MarkReady(found->first, found->second);
}

bool WaitingClients::NoteChangeOfAll(storage::DbIndex db) {
  if (size() == 0) return false;
  MutexLock lock(mutex_);
  bool has_any = false;
  for (auto each = keys_.lower_bound(Key(db, "")); each != keys_.end() && each->first.first == db; ++each) {
    has_any = MarkReady(each->first, each->second);
  }
  return has_any;
}

void WaitingClients::Hold(bool holds) {
  is_held_ = holds;
  if (!holds) ServeReady(nullptr);
}

void WaitingClients::ServeHeldBack() {
  if (size() == 0 && !has_held_back_) return;
  std::set<Key> held_back;
  {
    // A client that is being held back at this moment is noted before, or sees that it isn't held back any more.
    MutexLock serving(serving_);
    held_back.swap(held_back_);
    has_held_back_ = false;
  }
  for (const Key& key : held_back) NoteChange(key.first, key.second);
  ServeReady(nullptr);
}

void WaitingClients::ServeReady(const storage::Txn* after) {
  // Changes that serving itself makes are served by the loop below, further up the stack.
  if (!has_ready_ || is_held_ || after == &txn_) return;
  MutexLock serving(serving_);
  for (;;) {
    Key key;
    {
      MutexLock lock(mutex_);
      if (ready_.empty()) {
        has_ready_ = false;
        return;
      }
      key = std::move(ready_.front());
      ready_.pop_front();
      if (const auto found = keys_.find(key); found != keys_.end()) found->second.is_ready = false;
    }
    ServeKey(key);
  }
}

void WaitingClients::ServeKey(const Key& key) {
  std::map<uint64_t, Waiter> firsts = FirstOfEach(key);
  while (!firsts.empty()) {
    const Waiter request = std::move(firsts.begin()->second);
    firsts.erase(firsts.begin());
    if (!Serve(key, request)) continue;
    if (Waiter next = NextOf(key, *request)) firsts.emplace(next->ticket, std::move(next));
  }
}

std::map<uint64_t, WaitingClients::Waiter> WaitingClients::FirstOfEach(const Key& key) {
  MutexLock lock(mutex_);
  std::map<uint64_t, Waiter> firsts;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return firsts;
  for (const auto& [sought, queue] : found->second.queues) firsts.insert(*queue.begin());
  return firsts;
}

WaitingClients::Waiter WaitingClients::NextOf(const Key& key, const WaitingRequest& served) {
  MutexLock lock(mutex_);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  const auto queue = found->second.queues.find(SoughtBy(served));
  return queue == found->second.queues.end() ? nullptr : queue->second.begin()->second;
}

bool WaitingClients::Serve(const Key& key, const Waiter& request) {
  txn_.set_now(txn_.store().clock().Now());
  txn_.ForgetDependence();
  RetryResult result = retry_(*request, txn_);
  if (result.is_held_back) {
    held_back_.insert(key);
    has_held_back_ = true;
  }
  if (!result.answer) return false;
  {
    MutexLock lock(mutex_);
    RemoveLocked(request);
  }
  links_.load()->Answer(*request->client, std::move(*result.answer));
  return true;
}

// --- what the server does -------------------------------------------------------------------------------------------

void WaitingClients::EndAll(std::string_view error, bool are_sent_back) {
  {
    MutexLock serving(serving_);
    ended_with_ = error;
    are_sent_back_ = are_sent_back;
    ended_before_ = generation_ + 1;
  }
  EndRefused();
}

void WaitingClients::EndRefused() {
  generation_.fetch_add(1, std::memory_order_acq_rel);
  if (size() == 0) return;
  MutexLock serving(serving_);
  std::vector<Waiter> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, request] : clients_) all.push_back(request);
  }
  for (const Waiter& request : all) End(request);
}

void WaitingClients::EndIfRefused(const Waiter& request) {
  if (request->generation == generation()) return;
  MutexLock serving(serving_);
  {
    MutexLock lock(mutex_);
    const auto found = clients_.find(request->client->id);
    if (found == clients_.end() || found->second != request) return;
  }
  End(request);
}

void WaitingClients::End(const Waiter& request) {
  const bool is_dismissed = request->generation < ended_before_;
  const std::string error = is_dismissed ? ended_with_ : refusal_(*request);
  if (error.empty()) return;
  resp::Buffer answer;
  resp::ReplyWriter reply(answer, request->protocol);
  reply.Error(error);
  {
    MutexLock lock(mutex_);
    RemoveLocked(request);
  }
  links_.load()->Answer(*request->client, {.reply = std::string(answer.Readable()),
                                           .error = std::string(reply.last_error_code()),
                                           .ends_connection = is_dismissed,
                                           .is_sent_back = is_dismissed && are_sent_back_});
}

}  // namespace ringkv::server
