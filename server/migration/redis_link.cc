// SPDX-License-Identifier: MIT
#include "server/migration/redis_link.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include "resp/integer_text.h"
#include "resp/request_writer.h"
#include "server/config/own_ports.h"
#include "server/execution/execution_parts.h"
#include "server/loading/load_rdb.h"
#include "server/migration/lone_execution.h"
#include "server/node_link/handshake.h"
#include "storage/base/allocator.h"
#include "storage/base/once_a_second.h"
#include "storage/log/log_files.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::MutexLock;
using storage::Status;

constexpr int64_t kRedisConnectMs = 5000;
constexpr size_t kLongestLine = 4096;
constexpr size_t kRedisReceiveBytes = 256 * 1024;
constexpr auto kShortestRest = std::chrono::milliseconds(1000);
// For each full sync the Redis server forks: after one that failed the next attempt comes later each time.
constexpr auto kLongestRest = std::chrono::minutes(5);
constexpr size_t kMarkBytes = 40;      // behind an RDB file whose length was not known before
constexpr uint64_t kNamedOfEach = 10;  // keys of each type, commands of each name
constexpr std::string_view kEndMark = "$EOF:";

// As it may stand in a line of the log.
std::string Quoted(std::string_view text) {
  constexpr size_t kMostShown = 200;
  std::string quoted;
  AppendQuoted(&quoted, text.substr(0, kMostShown));
  return quoted;
}

uint64_t CountKeys(const ExecutionParts& parts) {
  storage::Random random(1);
  storage::Txn txn(parts.data.store(), parts.clock.Now(), random);
  return CountKeys(txn);
}

}  // namespace

RedisLink::RedisLink(const ExecutionParts& parts, World world, WatchedKeys& watched_keys)
    : parts_(parts), world_(world), watched_keys_(watched_keys), files_(world.files) {
  parts_.needs.AddSource([this] { return is_running() ? uint32_t{kNeedsWritable} : 0u; });
}

RedisLink::~RedisLink() { Stop(); }

Status RedisLink::Start(PrimaryAddress redis) {
  const std::string mark = redis.host + " " + std::to_string(redis.port) + "\n";
  const storage::Result<std::string> marked = storage::ReadWhole(files_, MarkPath());
  const uint64_t keys = CountKeys(parts_);
  const size_t libraries = parts_.data.store().libraries().Get().set->size();
  if (keys + libraries > 0 && (!marked || *marked != mark)) {
    return Fail("migrate-from would take the place of " + std::to_string(keys) + " keys and " +
                std::to_string(libraries) +
                " libraries of functions that did not come from there; start it with an empty directory");
  }
  if (Status locked = parts_.data.durability().LockDirectory(); !locked) return locked;
  const auto placed = storage::PlaceFile(files_, "", MarkPath(), mark, storage::OpenMode::kReplace);
  if (!placed) return tl::unexpected(placed.error());
  {
    MutexLock lock(mutex_);
    target_ = std::move(redis);
  }
  stopping_ = false;
  is_running_ = true;
  parts_.log.Notice("migration: follows the Redis server " + parts_.options.migrate_from.Get() +
                    "; writes of clients are refused until REPLICAOF NO ONE");
  ChangeAuthority(storage::Authority::kOwner, storage::Authority::kRedisFollower);
  parts_.needs.Update();
  MutexLock lock(join_mutex_);
  thread_ = std::thread([this] { Run(); });
  return {};
}

void RedisLink::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  socket_.Interrupt();
  changed_.notify_all();
  MutexLock lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
  if (!is_running_.exchange(false)) return;
  ChangeAuthority(storage::Authority::kRedisFollower, storage::Authority::kOwner);
  phase_ = LinkPhase::kNone;
  if (history_ == "?") {
    parts_.log.Warning("migration: stopped before a snapshot of the Redis server was loaded");
  } else {
    parts_.log.Notice("migration: stopped; left out were " + std::to_string(keys_left_out_) + " keys and " +
                      std::to_string(commands_left_out_) + " commands");
  }
  parts_.needs.Update();
}

void RedisLink::ChangeAuthority(storage::Authority from, storage::Authority to) {
  storage::Store& store = parts_.data.store();
  storage::Random random(1);
  storage::Txn txn(store, parts_.clock.Now(), random);
  txn.LockAll();
  if (store.authority() == from) store.SetAuthority(to);
}

PrimaryAddress RedisLink::target() {
  MutexLock lock(mutex_);
  return target_;
}

void RedisLink::Rest(std::chrono::milliseconds duration) {
  MutexLock lock(mutex_);
  if (!stopping_) mutex_.WaitUntil(changed_, std::chrono::steady_clock::now() + duration);
}

void RedisLink::Run() {
  NameThisThread("redis-link");
  storage::CountMemoryOfThisThread();
  parts_.links.WaitForRound(stopping_,
                            ClientLinks::kAsLongAsItTakes);  // writes admitted before the migration have ended
  state_ = std::make_unique<ThreadState>(kNoThread, parts_.data.store(), parts_.commands.size(), world_.chance.Next());
  auto card = std::make_shared<ClientCard>();
  card->address = "migration";
  session_ = std::make_unique<Session>(card, watched_keys_);
  session_->authenticated = true;
  session_->checked_needs = kNeedsNoFence;
  state_->txn.set_keeps_expired(true);  // the Redis server deletes them
  std::string said;
  phase_ = LinkPhase::kConnect;
  while (!stopping_) {
    const Status ended = FollowOnce();
    phase_ = LinkPhase::kConnect;
    socket_.Reset();
    parts_.data.SetReplacing(false);
    if (stopping_) break;
    last_error_.Set(ended.error().text);
    if (has_ended_) {
      parts_.log.Warning("migration: " + ended.error().text + "; the link has ended");
      break;
    }
    if (ended.error().text != said) {
      said = ended.error().text;
      parts_.log.Warning("migration: " + said + "; trying again until it works");
    }
    Rest(rest_);
  }
  phase_ = LinkPhase::kNone;
  session_.reset();
}

Status RedisLink::FollowOnce() {
  const PrimaryAddress redis = target();
  const storage::Result<std::shared_ptr<PeerSocket>> socket =
      socket_.Connect(redis.host, redis.port, kRedisConnectMs, stopping_, ToPrimary(parts_.options));
  if (!socket) return tl::unexpected(socket.error());
  if (stopping_) return Fail("the link was closed");
  phase_ = LinkPhase::kConnecting;
  if (Status shaken = Handshake(**socket); !shaken) return shaken;
  phase_ = LinkPhase::kConnected;
  return TakeCommands(**socket);
}

Status RedisLink::Handshake(PeerSocket& socket) {
  const Options& options = parts_.options;
  const int64_t timeout_ms = PrimarysTimeoutMs(options);
  if (Status known = Authenticate(socket, options, timeout_ms); !known) return known;
  for (const std::vector<std::string>& about :
       {std::vector<std::string>{"REPLCONF", "listening-port", std::to_string(PortOfReplica(options))},
        std::vector<std::string>{"REPLCONF", "capa", "eof", "capa", "psync2"}}) {
    if (const auto answer = Ask(socket, timeout_ms, about); !answer) return tl::unexpected(answer.error());
  }
  const int64_t next = history_ == "?" ? -1 : offset_ + 1;
  const auto verdict = Ask(socket, timeout_ms, {"PSYNC", history_, std::to_string(next)});
  if (!verdict) return tl::unexpected(verdict.error());
  char history[48] = {};
  long long offset = 0;
  if (std::sscanf(verdict->c_str(), "+FULLRESYNC %47s %lld", history, &offset) == 2) {
    history_ = "?";  // until the file has been loaded
    if (Status taken = TakeFile(socket); !taken) {
      rest_ = std::min<std::chrono::milliseconds>(2 * rest_, kLongestRest);
      return taken;
    }
    rest_ = kShortestRest;
    history_ = history;
    offset_ = offset;
    return {};
  }
  if (!verdict->starts_with("+CONTINUE")) return Fail("PSYNC was answered: " + verdict->substr(0, 100));
  if (std::sscanf(verdict->c_str(), "+CONTINUE %47s", history) == 1) history_ = history;
  parts_.log.Notice("migration: resumes at offset " + std::to_string(next));
  return {};
}

// --- the file -------------------------------------------------------------------------------------------------------

Status RedisLink::TakeFile(PeerSocket& socket) {
  phase_ = LinkPhase::kSync;
  parts_.log.Notice("migration: connected; waiting for a snapshot of the Redis server");
  const storage::Result<std::string> header = socket.ReceiveLine(kLongestLine, parts_.options.repl_timeout * 1000);
  if (!header) return tl::unexpected(header.error());
  Status taken = ReceiveFile(socket, *header);
  if (taken) taken = LoadFile();
  if (files_.Exists(FilePath())) {
    if (Status removed = files_.Remove(FilePath()); !removed) parts_.log.Warning(removed.error().text);
  }
  return taken;
}

// The length is known before, or else a mark of forty bytes ends it.
Status RedisLink::ReceiveFile(PeerSocket& socket, const std::string& header) {
  const bool has_mark = header.starts_with(kEndMark);
  const std::string mark = has_mark ? header.substr(kEndMark.size()) : "";
  const std::optional<int64_t> length =
      header.starts_with('$') ? resp::ParseInteger(std::string_view(header).substr(1)) : std::nullopt;
  if (has_mark ? mark.size() != kMarkBytes : !length || *length < 0) {
    return Fail("it announces a file with '" + header.substr(0, 60) + "'");
  }
  storage::Result<std::unique_ptr<storage::File>> file = files_.Open(FilePath(), storage::OpenMode::kReplace);
  if (!file) return tl::unexpected(file.error());
  parts_.log.Notice("migration: receiving a snapshot of the Redis server");
  uint64_t left = has_mark ? UINT64_MAX : static_cast<uint64_t>(*length);
  std::string held;  // what may be the mark
  std::string room(kRedisReceiveBytes, '\0');
  while (left > 0) {
    // Byte by byte at the end with a mark would be slow, and behind the mark commands may follow: they do not before
    // the first acknowledgement, so whatever has come ends with the mark or does not reach it.
    const size_t most = std::min<uint64_t>(room.size(), left);
    const storage::Result<size_t> got = socket.Receive(room.data(), most, parts_.options.repl_timeout * 1000);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) return Fail("it sent nothing during the snapshot");
    last_received_ms_ = parts_.clock.SteadyMs();
    if (!has_mark) {
      left -= *got;
      if (Status written = (*file)->Append(std::string_view(room).substr(0, *got)); !written) return written;
      continue;
    }
    held.append(room, 0, *got);
    if (held.size() >= kMarkBytes && std::string_view(held).substr(held.size() - kMarkBytes) == mark) {
      return (*file)->Append(std::string_view(held).substr(0, held.size() - kMarkBytes));
    }
    if (held.size() <= kMarkBytes) continue;
    const size_t certain = held.size() - kMarkBytes;
    if (Status written = (*file)->Append(std::string_view(held).substr(0, certain)); !written) return written;
    held.erase(0, certain);
  }
  return {};
}

Status RedisLink::LoadFile() {
  parts_.data.SetReplacing(true);
  parts_.links.WaitForRound(stopping_, ClientLinks::kAsLongAsItTakes);
  if (stopping_) return Fail("the link was closed");
  const int64_t start = parts_.clock.SteadyMs();
  storage::Txn& txn = state_->txn;
  txn.set_now(parts_.clock.Now());
  txn.LockAll();
  for (storage::DbIndex db = 0; db < parts_.data.store().databases(); ++db) txn.FlushDatabase(db);
  txn.Do(storage::LibrariesFlush{});
  txn.Unlock();
  keys_left_out_ = 0;
  LoadRdbOptions options;
  options.left_out = [this](const std::string& type, const std::string& key) { LeaveOutKey(type, key); };
  options.library = [this](const std::string& code) { return LoadLibrary(code); };
  options.goes_on = [this] { return !stopping_; };
  txn.set_is_silent(true);
  const storage::Result<LoadRdbSummary> loaded = LoadRdb(files_, FilePath(), options, txn);
  txn.set_is_silent(false);
  parts_.data.SetReplacing(false);
  if (!loaded) {
    has_ended_ = !stopping_;  // the next file would be like this one
    return tl::unexpected(loaded.error());
  }
  const std::string db = loaded->stream_db.starts_with('-') ? "0" : loaded->stream_db;  // -1: none is selected
  if (Status known = CheckDatabase(db); !known) return known;
  db_ = static_cast<storage::DbIndex>(*resp::ParseInteger(db));
  parts_.log.Notice("migration: loaded " + std::to_string(loaded->keys) + " keys in " +
                    std::to_string(parts_.clock.SteadyMs() - start) + " ms, left out " +
                    std::to_string(keys_left_out_));
  return {};
}

// As its command stream would.
Status RedisLink::LoadLibrary(const std::string& code) {
  const std::array<std::string_view, 4> load = {"FUNCTION", "LOAD", "REPLACE", code};
  const Ended ended = ExecuteHere(load);
  const std::string error = replies_.Readable().starts_with('-') ? std::string(FirstError(replies_.Readable())) : "";
  replies_.Consume(replies_.size());
  if (ended != Ended::kDone) return Fail("the link was closed");
  return error.empty() ? Status() : Fail(error);
}

// --- the stream -----------------------------------------------------------------------------------------------------

Status RedisLink::TakeCommands(PeerSocket& socket) {
  resp::Buffer received;
  resp::RequestParser parser;
  resp::RequestLimits limits;
  limits.bulk_bytes = parts_.options.proto_max_bulk_len;
  storage::OnceASecond once_a_second(parts_.clock);
  // The stream resumes behind what was executed: the commands of an open transaction come again.
  session_->queue.Close();
  session_->db = db_;
  int64_t parsed = offset_;
  if (Status sent = Acknowledge(socket); !sent) return sent;
  while (!stopping_) {
    char* room = received.Prepare(kRedisReceiveBytes);
    const storage::Result<size_t> got = socket.Receive(room, kRedisReceiveBytes, 1000);
    if (!got) return tl::unexpected(got.error());
    received.Commit(*got);
    const int64_t now = parts_.clock.SteadyMs();
    if (*got > 0) last_received_ms_ = now;
    if (now - last_received_ms_ > parts_.options.repl_timeout * 1000) return Fail("it has been silent too long");
    state_->txn.set_now(parts_.clock.Now());
    for (;;) {
      const resp::ParseStatus status = parser.Parse(received.Readable(), limits, true);
      if (status == resp::ParseStatus::kError) return Fail("its command stream is invalid: " + parser.error());
      if (status == resp::ParseStatus::kNeedMore) break;
      if (status == resp::ParseStatus::kRequest) {
        if (Status done = Execute(socket, parser.arguments()); !done) return done;
      }
      received.Consume(parser.consumed());
      parsed += static_cast<int64_t>(parser.consumed());
      if (session_->queue.is_open()) continue;
      offset_ = parsed;
      db_ = session_->db;
    }
    if (once_a_second.IsDue()) {
      if (Status sent = Acknowledge(socket); !sent) return sent;
    }
  }
  return Fail("the link was closed");
}

Status RedisLink::Execute(PeerSocket& socket, std::span<const std::string_view> argv) {
  const CommandEntry* entry = parts_.commands.Find(argv);
  if (entry == nullptr) {
    LeaveOutCommand(argv, "it is not known here");
    return {};
  }
  if (entry->row->Has(kOfLinks)) return argv.size() > 1 ? Acknowledge(socket) : Status();
  if (entry->row->Is(kAdmin)) {  // a stream of changes has no business to send it
    LeaveOutCommand(argv, "it changes no data");
    return {};
  }
  // Checked before it is queued: in EXEC the commands behind it would run in the database before it.
  if (entry->row->Has(kSelectsDatabase) && argv.size() == 2) {
    if (Status known = CheckDatabase(argv[1]); !known) return known;
  }
  state_->txn.ForgetDependence();
  // Its log must not outgrow its bounds here either.
  while (parts_.data.store().log().pending_bytes() > static_cast<size_t>(parts_.options.log_buffer_limit) &&
         !stopping_) {
    parts_.data.store().log().Wake();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const int64_t errors_before = reply_.errors();
  const Ended ended = ExecuteHere(argv);
  const auto errors = static_cast<uint64_t>(reply_.errors() - errors_before);
  if (ended == Ended::kMeansConnection) {
    LeaveOutCommand(argv, "it means a connection");
  } else if (errors > 0) {
    LeaveOutCommand(argv, std::string(FirstError(replies_.Readable())), errors);
  }
  replies_.Consume(replies_.size());
  return ended == Ended::kGivenUp ? Fail("the link was closed") : Status();
}

Status RedisLink::CheckDatabase(std::string_view db) {
  const int64_t databases = parts_.data.store().databases();
  const std::optional<int64_t> number = resp::ParseInteger(db);
  if (number && *number >= 0 && *number < databases) return {};
  has_ended_ = true;
  return Fail("its command stream selects database " + Quoted(db) + ", and databases is " + std::to_string(databases) +
              "; start this server with as many databases as the Redis server has");
}

RedisLink::Ended RedisLink::ExecuteHere(std::span<const std::string_view> argv) {
  const Caller caller{
      .parts = parts_, .thread = *state_, .session = *session_, .reply = reply_, .may_ask_others = false};
  for (;;) {
    const LoneOutcome outcome = ExecuteAlone(caller, argv);
    if (outcome == LoneOutcome::kMeansConnection) return Ended::kMeansConnection;
    if (outcome == LoneOutcome::kDone) return Ended::kDone;
    if (stopping_) return Ended::kGivenUp;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Status RedisLink::Acknowledge(PeerSocket& socket) {
  return socket.Send(resp::EncodeRequest({"REPLCONF", "ACK", std::to_string(offset_)}),
                     parts_.options.repl_timeout * 1000);
}

void RedisLink::LeaveOutKey(const std::string& type, const std::string& key) {
  ++keys_left_out_;
  if (++named_[type] > kNamedOfEach) return;
  parts_.log.Warning("migration: left out key " + Quoted(key) + ", which is a " + type +
                     (named_[type] == kNamedOfEach ? "; further ones are only counted" : ""));
}

void RedisLink::LeaveOutCommand(std::span<const std::string_view> argv, const std::string& why, uint64_t errors) {
  commands_left_out_ += errors;
  const std::string name = "command " + UpperCase(argv[0].substr(0, 40));
  if (++named_[name] > kNamedOfEach) return;
  parts_.log.Warning("migration: left out " + name + (argv.size() > 1 ? " on " + Quoted(argv[1]) : "") + ": " + why +
                     (named_[name] == kNamedOfEach ? "; further ones are only counted" : ""));
}

}  // namespace ringkv::server
