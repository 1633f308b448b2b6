// SPDX-License-Identifier: MIT
#include "server/blocking/waiting_clients.h"

#include <algorithm>
#include <set>

#include "server/command/key_positions.h"

namespace ringkv::server {

template <typename Function>
void WaitingClients::ForEachKeyOf(const WaitingRequest& request, Function&& function) {
  const std::vector<std::string_view> argv(request.argv.begin(), request.argv.end());
  std::set<std::string_view> seen;  // a key that is named twice is waited for once
  ForEachKey(*request.row, argv, [&](std::string_view key) {
    if (seen.insert(key).second) function(Key(request.db, key));
  });
}

void WaitingClients::Add(Request request) {
  storage::MutexLock lock(mutex_);
  ForEachKeyOf(*request, [&](Key key) REQUIRES(mutex_) { keys_[std::move(key)].queue.push_back(request); });
  clients_[request->client->id] = std::move(request);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

bool WaitingClients::Remove(uint64_t client) {
  if (size() == 0) return false;
  // Nobody is served meanwhile, so who stands here has not been answered.
  storage::MutexLock serving(serving_);
  storage::MutexLock lock(mutex_);
  const auto found = clients_.find(client);
  if (found == clients_.end()) return false;
  const Request request = found->second;
  RemoveLocked(request);
  return true;
}

void WaitingClients::RemoveLocked(const Request& request) {
  ForEachKeyOf(*request, [&](const Key& key) REQUIRES(mutex_) {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return;
    std::list<Request>& queue = found->second.queue;
    const auto place = std::find(queue.begin(), queue.end(), request);  // mostly the first
    if (place != queue.end()) queue.erase(place);
    if (queue.empty()) keys_.erase(found);
  });
  clients_.erase(request->client->id);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

void WaitingClients::NoteChange(storage::DbIndex db, std::string_view key) {
  if (size() == 0) return;
  storage::MutexLock lock(mutex_);
  const auto found = keys_.find(Key(db, key));
  if (found == keys_.end() || found->second.is_ready) return;
  found->second.is_ready = true;
  ready_.push_back(found->first);
  has_ready_ = true;
}

void WaitingClients::NoteChangeOfAll(storage::DbIndex db) {
  if (size() == 0) return;
  storage::MutexLock lock(mutex_);
  for (auto& [key, waiters] : keys_) {
    if (key.first != db || waiters.is_ready) continue;
    waiters.is_ready = true;
    ready_.push_back(key);
    has_ready_ = true;
  }
}

void WaitingClients::ServeReady(storage::Txn& txn, ClientLinks& links) {
  storage::MutexLock serving(serving_);
  for (;;) {
    Key key;
    {
      storage::MutexLock lock(mutex_);
      if (ready_.empty()) {
        has_ready_ = false;
        return;
      }
      key = std::move(ready_.front());
      ready_.pop_front();
      if (const auto found = keys_.find(key); found != keys_.end()) found->second.is_ready = false;
    }
    ServeKey(key, txn, links);
  }
}

void WaitingClients::ServeKey(const Key& key, storage::Txn& txn, ClientLinks& links) {
  // What one has found nothing of, others who seek the same would find nothing of either.
  Sought in_vain;
  while (const Request request = FirstBut(key, in_vain)) {
    if (!Serve(request, txn, links)) in_vain.emplace(request->plan.wanted, request->plan.sought);
  }
}

WaitingClients::Request WaitingClients::FirstBut(const Key& key, const Sought& in_vain) {
  storage::MutexLock lock(mutex_);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  for (const Request& request : found->second.queue) {
    if (!in_vain.contains({request->plan.wanted, request->plan.sought})) return request;
  }
  return nullptr;
}

bool WaitingClients::Serve(const Request& request, storage::Txn& txn, ClientLinks& links) {
  const std::vector<std::string_view> argv(request->argv.begin(), request->argv.end());
  ForEachKey(*request->row, argv, [&](std::string_view key) { txn.AddKey(key); });
  txn.LockAdded();
  resp::Buffer answer;
  resp::ReplyWriter reply(answer, request->protocol);
  KeyWaitPlan plan{.is_retry = true};
  DataCall call{Arguments(argv), txn, reply, request->db, request->max_string_bytes, &plan};
  {
    const KeyEvents::Scope events(events_, *request->row, argv, KeyEvents::kNoThread);
    request->row->run.data(call);
  }
  txn.Unlock();
  if (plan.would_wait) return false;
  {
    storage::MutexLock lock(mutex_);
    RemoveLocked(request);
  }
  links.Answer(*request->client, std::string(answer.Readable()), txn.depends_on());
  return true;
}

}  // namespace ringkv::server
