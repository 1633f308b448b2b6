// SPDX-License-Identifier: MIT
#include "server/migration/key_migrations.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "resp/reply_writer.h"
#include "server/command/error_replies.h"
#include "server/execution/execution.h"
#include "server/execution/execution_parts.h"
#include "server/migration/held_keys.h"
#include "server/session/session.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::MutexLock;

// --- threads --------------------------------------------------------------------------------------------------------

void KeyMigrations::Start(MigrateRequest request) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  const int64_t deadline_ms = parts_.clock.SteadyMs() + request.timeout_ms;
  // Others wait for its locks.
  const bool goes_first = request.held != nullptr;
  waiting_.insert(goes_first ? waiting_.begin() : waiting_.end(), {std::move(request), deadline_ms});
  if (idle_threads_ < waiting_.size() && workers_.size() < kMostThreads) {
    workers_.emplace_back([this] { Run(); });
  }
  changed_.notify_one();
}

void KeyMigrations::Stop() {
  std::vector<std::thread> ending;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    for (const auto& running : running_) GiveUp(*running);
    ending.swap(workers_);
    changed_.notify_all();
  }
  for (std::thread& thread : ending) thread.join();
}

void KeyMigrations::Run() {
  NameThisThread("migrate");
  storage::CountMemoryOfThisThread();
  while (const std::shared_ptr<Running> running = Next()) {
    Execute(*running);
    MutexLock lock(mutex_);
    std::erase(running_, running);
    changed_.notify_all();  // others may wait for its target
  }
}

std::shared_ptr<KeyMigrations::Running> KeyMigrations::Next() {
  MutexLock lock(mutex_);
  ++idle_threads_;
  std::shared_ptr<Running> next = TakeWaiting();
  while (next == nullptr && !stopping_) {
    mutex_.Wait(changed_);
    next = TakeWaiting();
  }
  --idle_threads_;
  return next;
}

std::shared_ptr<KeyMigrations::Running> KeyMigrations::TakeWaiting() {
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    if (!MayBegin(each->request)) continue;
    running_.push_back(std::make_shared<Running>(std::move(each->request)));
    waiting_.erase(each);
    return running_.back();
  }
  return nullptr;
}

bool KeyMigrations::HasRoomFor(const MigrateTarget& target) {
  const auto of_target = std::count_if(running_.begin(), running_.end(), [&](const auto& running) {
    return running->request.target.host == target.host && running->request.target.port == target.port;
  });
  return static_cast<size_t>(of_target) < kMostForOneTarget;
}

bool KeyMigrations::MayBegin(const MigrateRequest& request) {
  return request.held != nullptr || (HasRoomFor(request.target) && parts_.key_fence.Add(request.keys));
}

void KeyMigrations::GiveUpHeld() {
  MutexLock lock(mutex_);
  for (Waiting& waiting : waiting_) {
    if (waiting.request.held != nullptr) waiting.deadline_ms = 0;
  }
  for (const auto& running : running_) {
    if (running->request.held != nullptr) GiveUp(*running);
  }
}

void KeyMigrations::GiveUp(Running& running) {
  running.gives_up = true;
  if (running.request.held != nullptr) running.request.held->GiveUp();
  if (running.connection != nullptr) running.connection->Interrupt();
}

void KeyMigrations::EndKilled() {
  MutexLock lock(mutex_);
  std::erase_if(waiting_, [](const Waiting& each) {
    return each.request.held == nullptr && each.request.client->is_closing.load();
  });
  for (const auto& running : running_) {
    if (running->request.client->is_closing) GiveUp(*running);
  }
}

std::vector<KeyMigrations::Waiting> KeyMigrations::TakeExpired(int64_t now_ms) {
  MutexLock lock(mutex_);
  const auto expired = std::stable_partition(waiting_.begin(), waiting_.end(),
                                             [&](const Waiting& each) { return each.deadline_ms > now_ms; });
  std::vector<Waiting> taken(std::make_move_iterator(expired), std::make_move_iterator(waiting_.end()));
  waiting_.erase(expired, waiting_.end());
  return taken;
}

// --- connections ----------------------------------------------------------------------------------------------------

std::shared_ptr<MigrateConnection> KeyMigrations::TakeCached(const MigrateTarget& target) {
  MutexLock lock(mutex_);
  for (auto each = cached_.begin(); each != cached_.end();) {
    if (each->connection->target() != target) {
      ++each;
      continue;
    }
    std::shared_ptr<MigrateConnection> connection = std::move(each->connection);
    each = cached_.erase(each);
    if (connection->IsIdle()) return connection;
  }
  return nullptr;
}

void KeyMigrations::Keep(std::shared_ptr<MigrateConnection> connection) {
  MutexLock lock(mutex_);
  if (cached_.size() == kMostCached) cached_.erase(cached_.begin());  // the one that was used longest ago
  cached_.push_back({std::move(connection), parts_.clock.SteadyMs()});
}

void KeyMigrations::Tick() {
  EndKilled();
  const int64_t now = parts_.clock.SteadyMs();
  for (const Waiting& expired : TakeExpired(now)) {
    const std::string error = IoError(MigrateConnection::Step::kConnecting);
    HeldKeys* const held = expired.request.held.get();
    held == nullptr ? Answer(expired.request, error, 0, parts_.clock.SteadyMicros())
                    : held->End({.accepted = {}, .error = error});
  }
  MutexLock lock(mutex_);
  std::erase_if(cached_, [&](const Cached& each) { return now - each.last_used_ms > kCachedMs; });
}

size_t KeyMigrations::cached_connections() {
  MutexLock lock(mutex_);
  return cached_.size();
}

// --- one request ----------------------------------------------------------------------------------------------------

void KeyMigrations::Execute(Running& running) {
  HeldKeys* const held = running.request.held.get();
  held == nullptr ? ExecuteFenced(running) : held->End(TransferOverNew(running));
}

void KeyMigrations::ExecuteFenced(Running& running) {
  const MigrateRequest& request = running.request;
  const int64_t started_us = parts_.clock.SteadyMicros();
  // Writes that were admitted before the keys were fenced have ended, unless a script takes too long.
  const bool is_quiet = parts_.links.WaitForRound(stopping_, request.timeout_ms);
  const uint32_t term = parts_.replication.term();
  TransferResult result = is_quiet
                              ? TransferIfWritable(running)
                              : TransferResult{.accepted = {}, .error = IoError(MigrateConnection::Step::kConnecting)};
  Deleted deleted;
  if (!request.copies && !result.accepted.empty()) deleted = Delete(request, term, result.accepted);
  ReleaseKeys(request.keys);
  if (stopping_) return;
  if (result.error.empty()) result.error = deleted.error;
  if (!result.error.empty() || !result.found_none) return Answer(request, result.error, deleted.lsn, started_us);
  parts_.links.Answer(*request.client, {.reply = "+NOKEY\r\n", .is_accounted = true});
}

// A link from a Redis server that was writing here before the fence is not kept back by it.
TransferResult KeyMigrations::TransferIfWritable(Running& running) {
  if ((parts_.needs.Get() & kNeedsWritable) != 0) return {.accepted = {}, .error = std::string(errors::kReadOnly)};
  return Transfer(running);
}

TransferResult KeyMigrations::Transfer(Running& running) {
  const MigrateRequest& request = running.request;
  if (std::shared_ptr<MigrateConnection> cached = TakeCached(request.target)) {
    const int64_t started_ms = parts_.clock.SteadyMs();
    TransferResult result = TransferOver(std::move(cached), running);
    // The target may have forgotten the connection; one that doesn't answer has used up the timeout.
    const bool has_timed_out = parts_.clock.SteadyMs() - started_ms >= request.timeout_ms;
    if (!result.is_broken || has_timed_out || !result.accepted.empty() || running.gives_up) return result;
  }
  return TransferOverNew(running);
}

TransferResult KeyMigrations::TransferOverNew(Running& running) {
  const MigrateRequest& request = running.request;
  MigrateConnection::Step failed{};
  std::shared_ptr<MigrateConnection> opened =
      MigrateConnection::Open(request.target, ToNode(parts_.options), request.timeout_ms, running.gives_up, &failed);
  if (opened == nullptr) return {.accepted = {}, .error = IoError(failed)};
  return TransferOver(std::move(opened), running);
}

TransferResult KeyMigrations::TransferOver(std::shared_ptr<MigrateConnection> connection, Running& running) {
  if (!Use(connection, running)) {
    return {.accepted = {}, .error = IoError(MigrateConnection::Step::kConnecting), .is_broken = true};
  }
  TransferResult result = TransferCopies(*connection, running);
  Use(nullptr, running);
  if (!result.is_broken) Keep(std::move(connection));
  return result;
}

TransferResult KeyMigrations::TransferCopies(MigrateConnection& connection, Running& running) {
  const MigrateRequest& request = running.request;
  if (request.held != nullptr) return TransferKeys(parts_, connection, request, *request.held);
  FencedKeys keys(parts_.data.store(), parts_.clock, request.db, request.keys);
  return TransferKeys(parts_, connection, request, keys);
}

bool KeyMigrations::Use(const std::shared_ptr<MigrateConnection>& connection, Running& running) {
  MutexLock lock(mutex_);
  running.connection = connection;
  return !running.gives_up;
}

// --- deletion -------------------------------------------------------------------------------------------------------

KeyMigrations::Deleted KeyMigrations::Delete(const MigrateRequest& request, uint32_t term,
                                             const std::vector<std::string>& keys) {
  constexpr auto kPostponedFor = std::chrono::milliseconds(5);
  for (;;) {
    Deleted deleted = DeleteOnce(request, term, keys);
    if (!deleted.was_postponed || stopping_) return deleted;
    std::this_thread::sleep_for(kPostponedFor);
  }
}

KeyMigrations::Deleted KeyMigrations::DeleteOnce(const MigrateRequest& request, uint32_t term,
                                                 const std::vector<std::string>& keys) {
  constexpr auto kSlice = std::chrono::milliseconds(20);
  std::vector<std::string> words{"DEL"};
  words.insert(words.end(), keys.begin(), keys.end());
  const auto promise = std::make_shared<std::promise<Deleted>>();
  std::future<Deleted> deleted = promise->get_future();
  const size_t thread = request.client->thread;
  parts_.links.RunOn(thread, [this, promise, thread, term, db = request.db, words = std::move(words)] {
    promise->set_value(DeleteHere(*threads_[thread], term, db, words));
  });
  while (deleted.wait_for(kSlice) != std::future_status::ready) {
    if (stopping_) return {.was_postponed = true, .error = {}};
  }
  return deleted.get();
}

// Like a request of a client: the state of the server, its role and the slots may have changed meanwhile, and whatever
// changes them waits for requests that were admitted before.
KeyMigrations::Deleted KeyMigrations::DeleteHere(ThreadState& thread, uint32_t term, storage::DbIndex db,
                                                 const std::vector<std::string>& words) {
  const uint32_t now = parts_.replication.term();
  if (now != 0 && now != term) {  // 0: a replica, which refuses the deletion
    return {.error = "ERR This node was a replica meanwhile: the target has the keys, and they stay here too"};
  }
  const auto card = std::make_shared<ClientCard>();
  card->address = "migrate";
  Session session(card, watched_keys_);
  session.authenticated = true;
  session.checked_needs = ~uint32_t{kNeedsNoFence};
  session.db = db;
  resp::Buffer buffer;
  resp::ReplyWriter reply(buffer, 2);
  thread.txn.set_now(parts_.clock.Now());
  thread.txn.ForgetDependence();
  const Caller caller{.parts = parts_,
                      .thread = thread,
                      .session = session,
                      .reply = reply,
                      .may_ask_others = false,
                      .is_accounted = false};
  const std::vector<std::string_view> argv(words.begin(), words.end());
  const Outcome outcome = server::Execute(caller, {.argv = argv});
  const std::string_view answer = buffer.Readable();
  Deleted deleted{.was_postponed = std::holds_alternative<outcome::Postponed>(outcome),
                  .error = {},
                  .lsn = thread.txn.depends_on()};
  if (answer.starts_with('-')) deleted.error = answer.substr(1, answer.find('\r') - 1);
  return deleted;
}

void KeyMigrations::ReleaseKeys(const std::vector<std::string>& keys) {
  parts_.key_fence.Remove(keys);
  MutexLock lock(mutex_);
  changed_.notify_all();  // others may wait for these keys
}

void KeyMigrations::Answer(const MigrateRequest& request, std::string_view error, storage::Lsn lsn,
                           int64_t started_us) {
  resp::Buffer buffer;
  resp::ReplyWriter reply(buffer, 2);
  error.empty() ? reply.Ok() : reply.Error(error);
  const int64_t spent_us = parts_.clock.SteadyMicros() - started_us;
  parts_.links.Answer(*request.client,
                      {.reply = std::string(buffer.Readable()),
                       .lsn = lsn,
                       .term = parts_.replication.quorum_term(),
                       .error = error.empty() ? std::nullopt : std::optional<std::string>(reply.last_error_code()),
                       .is_accounted = true,
                       .nanoseconds = static_cast<uint64_t>(std::max<int64_t>(spent_us, 0)) * 1000});
}

}  // namespace ringkv::server
