// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <chrono>
#include <cstdio>

#include "server/cluster/cluster_state.h"
#include "server/command/redirect.h"
#include "server/command/text.h"
#include "server/config/save_points.h"
#include "storage/allocator.h"
#include "storage/index/index_job.h"
#include "storage/keyspace/expiry_job.h"
#include "storage/totals.h"

namespace ringkv::server {
namespace {

storage::PrefixList PrefixesOf(const Options& options) {
  const std::string text = options.metrics_prefix.Get();
  const std::vector<std::string_view> words = Words(text);
  return storage::PrefixList({words.begin(), words.end()});
}

}  // namespace

Server::Server(Options& options, const storage::Clock& clock, std::string config_path, uint64_t hash_seed)
    : options_(options),
      clock_(clock),
      config_path_(std::move(config_path)),
      run_id_(storage::UniqueDigits()),
      started_ms_(clock.Now()),
      started_steady_ms_(clock.SteadyMs()),
      ticks_(TickClock::Calibrate()),
      broker_(static_cast<size_t>(options.io_threads.load())),
      store_({.databases = static_cast<storage::DbIndex>(options.databases.load()),
              .hash_seed = hash_seed,
              .by_slot = options.cluster_enabled != 0,
              .prefixes = PrefixesOf(options)},
             clock),
      durability_(store_, files_, clock,
                  {.data = DataFilesOf(options), .log_file_bytes = static_cast<uint64_t>(options.log_file_size)}),
      replication_(std::make_unique<Replication>(*this)),
      cluster_(std::make_unique<ClusterState>(*this)) {
  store_.set_observer(&key_changes_);
  waiting_clients_.set_refusal([this](const WaitingRequest& request) { return WhyNotServedHere(request, *this); });
  durability_.set_say(
      [this](bool is_warning, const std::string& line) { is_warning ? log_.Warning(line) : log_.Notice(line); });
  durability_.log().set_on_durable([this] {
    if (links_ != nullptr) links_->ReleaseReplies();
  });
  durability_.log().set_on_health([this] {
    const std::string failure = durability_.log().failure();
    failure.empty() ? log_.Notice("the log works again; writes are accepted")
                    : log_.Warning("the log has failed, writes are refused until it works again: " + failure);
    ApplyOptions();
  });
  const auto thread_count = static_cast<size_t>(options.io_threads.load());
  for (size_t i = 0; i < thread_count; ++i) {
    threads_.push_back(std::make_unique<ThreadState>(i, store_, commands_.size(), storage::SeedFromSystem()));
  }
  ApplyOptions();
}

Server::~Server() { [[maybe_unused]] const storage::Status ignored = Stop(); }

storage::DataFiles Server::DataFilesOf(const Options& options) {
  // All of it lies in the working directory, which is `dir`.
  return {.directory = "", .snapshot_name = options.dbfilename.Get(), .log_directory = options.appenddirname.Get()};
}

void Server::Start(ClientLinks& links) {
  links_ = &links;
  key_events_.set_links(&links);
  waiting_clients_.set_links(&links);
  startup_memory_ = storage::UsedMemory();
  store_.reclaimer().Start();
}

storage::Status Server::Stop() {
  stopping_.store(true);
  if (housekeeping_.joinable()) housekeeping_.join();
  if (index_builder_.joinable()) index_builder_.join();
  cluster_->Stop();
  replication_->Stop();
  const storage::Status closed = durability_.Close();
  store_.reclaimer().Stop();
  return closed;
}

// --- the data -------------------------------------------------------------------------------------------------------

void Server::BeginLoading() {
  is_loading_ = true;
  if (!options_.replicaof.Get().empty()) replication_->WillFollow();
  ApplyOptions();
}

storage::Status Server::OpenData(const storage::Durability::Fill& fill) {
  if (!options_.save.Get().empty()) {
    if (storage::Status locked = durability_.LockDirectory(); !locked) return locked;
  }
  storage::RecoveryOptions recovery;
  recovery.up_to_damage = options_.recover_up_to_damage != 0;
  recovery.threads =
      std::max<size_t>(static_cast<size_t>(options_.snapshot_threads), std::thread::hardware_concurrency());
  recovery.progress = [this](const std::string& line) { log_.Notice(line); };
  const int64_t start = clock_.SteadyMs();
  if (storage::Status opened = durability_.Open(recovery, options_.appendonly != 0, fill); !opened) return opened;
  const storage::RecoverySummary& found = durability_.recovery();
  if (!found.snapshot.empty() || found.groups_replayed > 0) {
    log_.Notice("loaded " + std::to_string(durability_.keys_loaded()) + " keys up to LSN " +
                std::to_string(found.last) + (found.snapshot.empty() ? "" : ", snapshot '" + found.snapshot + "'") +
                ", " + std::to_string(found.groups_replayed) + " groups of the log, in " +
                std::to_string(clock_.SteadyMs() - start) + " ms");
  }
  return {};
}

void Server::EndLoading() {
  is_loading_ = false;
  ApplyOptions();
  housekeeping_ = std::thread([this] { RunHousekeeping(); });
  index_builder_ = std::thread([this] { BuildIndexes(); });
}

void Server::SetReplacing(bool replacing) {
  is_replacing_ = replacing;
  ApplyOptions();
  waiting_clients_.Hold(replacing);
}

void Server::WaitForIoThreads(const std::atomic<bool>& give_up) {
  if (links_ != nullptr) links_->WaitForRound(give_up);
}

bool Server::SavesAtEnd() const { return !options_.save.Get().empty(); }

storage::Status Server::PrepareShutdown(bool save, bool waits_for_replicas) {
  // What is acknowledged from here on would be neither in the snapshot nor on replicas.
  Pause(PauseMode::kWrites, INT64_MAX);
  if (waits_for_replicas) replication_->LetReplicasCatchUp(options_.shutdown_timeout * 1000);
  // The snapshot that a log begins with is on its way: without it what is only in memory would be lost.
  save = save || (durability_.wants_log() && !durability_.log().is_open());
  if (!save || is_replacing() || is_loading()) return {};
  storage::Status saved = durability_.SaveAtEnd();
  if (!saved) Unpause();
  return saved;
}

bool Server::SnapshotsFail() {
  return options_.stop_writes_on_bgsave_error != 0 && !options_.save.Get().empty() &&
         !durability_.snapshot_state().last_ok;
}

bool Server::IsSnapshotDue() {
  constexpr int64_t kRetryAfterMs = 5000;
  const storage::Durability::SnapshotState state = durability_.snapshot_state();
  const int64_t now = clock_.SteadyMs();
  if (state.is_running || (!state.last_ok && now - state.last_attempt < kRetryAfterMs)) return false;
  const std::vector<SavePoint> points = ParseSavePoints(options_.save.Get()).value_or(std::vector<SavePoint>());
  if (points.empty()) return false;
  storage::Random random(1);
  storage::Txn txn(store_, clock_.Now(), random);
  const auto changes = static_cast<int64_t>(durability_.ChangesSinceSave(txn));
  return std::any_of(points.begin(), points.end(), [&](const SavePoint& point) {
    return changes > 0 && changes >= point.changes && now - state.last_success_steady > point.seconds * 1000;
  });
}

void Server::KeepData() {
  replication_->Tick();
  if (is_replacing()) return;
  durability_.Tick();
  if (IsSnapshotDue()) {
    log_.Notice("a save point is reached: saving in the background");
    durability_.StartSave(storage::SnapshotReason::kSave);
  }
  const storage::Durability::SnapshotState state = durability_.snapshot_state();
  const int64_t percentage = options_.auto_aof_rewrite_percentage;
  if (percentage > 0 && durability_.log().is_open() && !state.is_running && state.last_rewrite_ok) {
    const uint64_t base = state.summary.file_bytes;
    const uint64_t behind = durability_.LogBytesSinceSave();
    if (base + behind >= static_cast<uint64_t>(options_.auto_aof_rewrite_min_size) &&
        behind * 100 >= std::max<uint64_t>(base, 1) * static_cast<uint64_t>(percentage)) {
      log_.Notice("the log has grown to " + std::to_string(behind) + " bytes: saving a snapshot in the background");
      durability_.StartSave(storage::SnapshotReason::kLogRewrite);
    }
  }
  // Writes wait while the disk can't keep up.
  const size_t waiting = store_.log().pending_bytes();
  const auto limit = static_cast<size_t>(options_.log_buffer_limit);
  const bool was_full = log_is_full_;
  log_is_full_ = waiting > (was_full ? limit / 2 : limit);
  ApplyOptions();
  if (was_full && !log_is_full_) links_->ResumePaused();
}

void Server::ApplyOptions() {
  log_.SetLevel(static_cast<LogLevel>(options_.loglevel.load()));
  storage::AccessOptions& access = store_.access_options();
  access.lfu_log_factor = static_cast<uint32_t>(options_.lfu_log_factor);
  access.lfu_decay_minutes = static_cast<uint32_t>(options_.lfu_decay_time);
  storage::TypeLimits& limits = store_.type_limits();
  limits.hash_entries = options_.hash_max_listpack_entries.load();
  limits.hash_value = options_.hash_max_listpack_value.load();
  limits.list_open_ends = options_.list_compress_depth.load();
  limits.list_size = options_.list_max_listpack_size.load();
  limits.set_integers = options_.set_max_intset_entries.load();
  limits.set_entries = options_.set_max_listpack_entries.load();
  limits.set_value = options_.set_max_listpack_value.load();
  limits.sorted_set_entries = options_.zset_max_listpack_entries.load();
  limits.sorted_set_value = options_.zset_max_listpack_value.load();
  limits.sparse_hyperloglog_bytes = options_.hll_sparse_max_bytes.load();
  limits.stream_block_bytes = options_.stream_node_max_bytes.load();
  limits.stream_block_entries = options_.stream_node_max_entries.load();
  const auto policy = static_cast<storage::EvictionPolicy>(options_.maxmemory_policy.load());
  access.mode = storage::IsLfu(policy) ? storage::AccessMode::kLeastFrequent : storage::AccessMode::kLeastRecent;
  slow_log_.Trim(static_cast<size_t>(options_.slowlog_max_len));

  // Authentication is the session's own matter: one that came before the password keeps its right.
  durability_.SetCompression(static_cast<int>(options_.snapshot_compression_level),
                             static_cast<size_t>(options_.snapshot_threads));
  durability_.SetSyncPolicy(static_cast<storage::SyncPolicy>(options_.appendfsync.load()));
  store_.index_policy().Set(static_cast<storage::IndexMode>(options_.key_index.load()), options_.key_index_idle * 1000);
  const bool wants_log = options_.appendonly != 0;
  if (!is_loading() && wants_log != durability_.wants_log()) durability_.SwitchLog(wants_log);

  storage::MutexLock lock(refused_mutex_);
  key_events_.SetMask(EventMask::Parse(options_.notify_keyspace_events.Get()).value_or(EventMask()));
  key_changes_.set_wants_events(key_events_.is_on());
  uint32_t refused = 0;
  if (is_loading() || is_replacing()) refused |= kNeedsLoaded;
  if (log_is_full_) refused |= kNeedsLogRoom;
  if (durability_.log().has_failed() || SnapshotsFail()) refused |= kNeedsHealthyDisk;
  if (options_.enable_debug_command != static_cast<int64_t>(DebugCommand::kYes)) refused |= kNeedsDebugAllowed;
  // A replica's memory is its primary's concern.
  const bool is_replica = replication_->is_replica();
  if (options_.maxmemory != 0 && !is_replica) refused |= kNeedsMemoryChecked;
  // A follower that hides what has expired can't be written to.
  const bool is_writable_replica =
      options_.replica_read_only == 0 && store_.authority() == storage::Authority::kWritableFollower;
  if (options_.read_only != 0 || (is_replica && !is_writable_replica) || replication_->is_migrating()) {
    refused |= kNeedsWritable;
  }
  if (!replication_->MayServeStale()) refused |= kNeedsFreshData;
  const auto fewest = static_cast<size_t>(options_.min_replicas_to_write);
  if (fewest > 0 && !is_replica && replication_->good_replicas() < fewest) refused |= kNeedsReplicas;
  if (pause_end_ms() != 0) refused |= pause_mode_ == PauseMode::kAll ? kNeedsNoPause : kNeedsNoWritePause;
  refused_now_.store(refused, std::memory_order_relaxed);
}

bool Server::WillBeWritable() const {
  return replication_->is_replica() && options_.replica_read_only == 0 && options_.read_only == 0 &&
         !replication_->is_migrating();
}

// --- pause ----------------------------------------------------------------------------------------------------------

void Server::Pause(PauseMode mode, int64_t until_ms) {
  // A later pause may only make an earlier one longer or stricter, as in Redis.
  if (IsPaused(clock_.SteadyMs())) {
    if (pause_mode_ == PauseMode::kAll) mode = PauseMode::kAll;
    until_ms = std::max(until_ms, pause_end_ms());
  }
  pause_mode_ = mode;
  pause_end_ms_ = until_ms;
  ApplyOptions();
}

void Server::Unpause() {
  pause_end_ms_ = 0;
  ApplyOptions();
  if (links_ != nullptr) links_->ResumePaused();
}

bool Server::IsPaused(int64_t now_ms) {
  const int64_t end = pause_end_ms();
  if (end == 0) return false;
  if (now_ms < end) return true;
  Unpause();
  return false;
}

// --- in the background ----------------------------------------------------------------------------------------------

void Server::SweepExpiredKeys() {
  // A third of one processor at the most, in slices of a millisecond, until the keyspace is passed.
  constexpr uint64_t kSliceMicroseconds = 1000;
  constexpr auto kRest = std::chrono::milliseconds(2);
  storage::ExpiryJob job(store_);
  bool finished = false;
  const uint64_t pass_start = ticks_.Now();
  while (!finished && !stopping_ && active_expiry_.load(std::memory_order_relaxed)) {
    const uint64_t start = ticks_.Now();
    while (!finished && ticks_.Microseconds(ticks_.Now() - start) < kSliceMicroseconds) finished = job.Step();
    if (!finished) std::this_thread::sleep_for(kRest);
  }
  const uint64_t took_ms = ticks_.Microseconds(ticks_.Now() - pass_start) / 1000;
  const int64_t threshold = options_.latency_monitor_threshold;
  if (threshold > 0 && took_ms >= static_cast<uint64_t>(threshold)) {
    latency_events_.Add("expire-cycle", clock_.Now() / 1000, took_ms);
  }
}

storage::Eviction Server::MakeRoom(storage::Txn& txn, storage::Evictor& evictor, uint64_t most_microseconds) {
  const storage::MemoryLimit limit{.bytes = static_cast<size_t>(options_.maxmemory.load()),
                                   .policy = static_cast<storage::EvictionPolicy>(options_.maxmemory_policy.load()),
                                   .samples = static_cast<size_t>(options_.maxmemory_samples.load())};
  if (limit.bytes == 0 || !limit.IsExceeded(store_)) return storage::Eviction::kDone;
  const uint64_t start = ticks_.Now();
  const auto took = [this, start] { return ticks_.Microseconds(ticks_.Now() - start); };
  const storage::Eviction outcome =
      evictor.MakeRoom(txn, limit, [&took, most_microseconds] { return took() < most_microseconds; });
  const int64_t threshold = options_.latency_monitor_threshold;
  if (threshold > 0 && took() / 1000 >= static_cast<uint64_t>(threshold)) {
    latency_events_.Add("eviction-cycle", clock_.Now() / 1000, took() / 1000);
  }
  return outcome;
}

// Commands evict as they come; this is for memory that exceeds its limit without one: the limit was lowered, or buffers
// have grown.
bool Server::StayWithinMemory() {
  constexpr uint64_t kMostMicroseconds = 50'000;  // the rest of the house is not to wait for longer
  constexpr uint64_t kSliceMicroseconds = 1000;
  constexpr uint32_t kReasonsToWait = kNeedsLoaded | kNeedsLogRoom | kNeedsHealthyDisk;
  storage::Random random(ticks_.Now());
  storage::Txn txn(store_, clock_.Now(), random);
  storage::Evictor evictor;
  const uint64_t start = ticks_.Now();
  while (!stopping_ && ticks_.Microseconds(ticks_.Now() - start) < kMostMicroseconds) {
    txn.set_now(clock_.Now());
    const uint32_t refused = refused_now();
    if ((refused & kNeedsMemoryChecked) == 0 || (refused & kReasonsToWait) != 0 || IsPaused(clock_.SteadyMs()))
      return false;
    if (MakeRoom(txn, evictor, kSliceMicroseconds) != storage::Eviction::kOutOfTime) return false;
  }
  return true;
}

void Server::SampleRates(int64_t elapsed_ms) {
  uint64_t commands = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  for (const auto& thread : threads_) {
    commands += thread->statistics.commands.Get();
    bytes_read += thread->statistics.bytes_read.Get();
    bytes_written += thread->statistics.bytes_written.Get();
  }
  const auto per_second = [&](uint64_t now, uint64_t& last) {
    const uint64_t difference = now >= last ? now - last : now;
    last = now;
    return difference * 1000 / static_cast<uint64_t>(elapsed_ms);
  };
  rates_.commands = per_second(commands, last_commands_);
  rates_.bytes_read = per_second(bytes_read, last_bytes_read_);
  rates_.bytes_written = per_second(bytes_written, last_bytes_written_);
}

void Server::NotePeakMemory(size_t used) {
  size_t peak = peak_memory_.load(std::memory_order_relaxed);
  while (used > peak && !peak_memory_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
}

void Server::RunHousekeeping() {
  NameThisThread("housekeeping");
  storage::CountMemoryOfThisThread();
  constexpr uint64_t kRateMicroseconds = 1'000'000;
  uint64_t last_rates = ticks_.Now();
  while (!stopping_) {
    if (store_.authority() == storage::Authority::kOwner) SweepExpiredKeys();
    const bool has_more_to_evict = StayWithinMemory();
    KeepData();
    NotePeakMemory(storage::UsedMemory());
    const uint64_t elapsed = ticks_.Microseconds(ticks_.Now() - last_rates);
    if (elapsed >= kRateMicroseconds) {
      SampleRates(static_cast<int64_t>(elapsed / 1000));
      last_rates = ticks_.Now();
    }
    // Whatever hz says, memory that exceeds its limit is noticed soon.
    const int64_t rest_ms = has_more_to_evict ? 0 : std::clamp<int64_t>(1000 / options_.hz, 2, 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(rest_ms));
  }
}

void Server::BuildIndexes() {
  NameThisThread("index");
  storage::CountMemoryOfThisThread();
  constexpr auto kNap = std::chrono::milliseconds(50);
  storage::IndexJob job(store_);
  while (!stopping_) {
    if (!job.Step()) std::this_thread::sleep_for(kNap);
  }
}

void Server::ResetStatistics(storage::Txn& txn) {
  for (const auto& thread : threads_) thread->statistics.Reset();
  storage::ResetStatistics(txn);
  store_.reclaimer().ResetFreed();
  peak_memory_.store(storage::UsedMemory(), std::memory_order_relaxed);
}

}  // namespace ringkv::server
