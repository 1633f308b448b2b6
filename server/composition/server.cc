// SPDX-License-Identifier: MIT
#include "server/composition/server.h"

#include <algorithm>
#include <utility>

#include "server/execution/retry.h"
#include "server/execution/route.h"
#include "server/execution/stages.h"
#include "server/process/cpu_list.h"
#include "server/users/users_file.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {

Server::Server(Options& options, World world, CommandFamilies commands, HttpLabels http_labels, std::string config_path,
               uint64_t hash_seed)
    : options_(options),
      world_(world),
      config_path_(std::move(config_path)),
      run_id_(world.chance.UniqueDigits()),
      started_ms_(world.clock.Now()),
      started_steady_ms_(world.clock.SteadyMs()),
      ticks_(TickClock::Calibrate()),
      commands_(commands, options.renamed_commands),
      data_(options, world.clock, world.files, log_, needs_, links_, hash_seed),
      watched_keys_(storage::SeededHash(world.chance.Next())),
      broker_(static_cast<size_t>(options.io_threads.load()), storage::SeededHash(world.chance.Next())),
      tracking_(data_.store(), links_, static_cast<size_t>(options.io_threads.load())),
      threads_(MakeThreads(http_labels)),
      option_applier_(options, {links_, data_, key_changes_, log_, oom_score_, process_title_, options.tls,
                                command_logs_, needs_, users_, data_.durability(), data_.store()}),
      replication_({.world = world,
                    .options = options,
                    .log = log_,
                    .needs = needs_,
                    .pause = pause_,
                    .data = data_,
                    .links = links_,
                    .clients = clients_,
                    .waiting_clients = waiting_clients_,
                    .broker = broker_,
                    .shard_place = shard_place_}),
      cluster_({.world = world,
                .options = options,
                .log = log_,
                .needs = needs_,
                .data = data_,
                .links = links_,
                .clients = clients_,
                .waiting_clients = waiting_clients_,
                .replication = replication_}),
      coordinator_({world, options, log_, data_, replication_, cluster_}),
      execution_parts_{.server = *this,
                       .clock = world.clock,
                       .ticks = ticks_,
                       .options = options,
                       .commands = commands_,
                       .log = log_,
                       .command_logs = command_logs_,
                       .usage = usage_,
                       .latency_events = latency_events_,
                       .monitor = monitor_,
                       .needs = needs_,
                       .pause = pause_,
                       .key_fence = key_fence_,
                       .long_holds = long_holds_,
                       .memory = memory_,
                       .data = data_,
                       .links = links_,
                       .waiting_clients = waiting_clients_,
                       .key_events = key_events_,
                       .users = users_,
                       .denials = denials_,
                       .replication = replication_,
                       .cluster = cluster_,
                       .administration = administration_,
                       .long_work = long_work_},
      long_work_(execution_parts_, watched_keys_, std::span(threads_).subspan(2 * threads()), &Run,
                 [this] { RunOnProcessors(options_.bio_cpulist.Get()); }),
      shutdown_({.options = options,
                 .clock = world.clock,
                 .log = log_,
                 .pause = pause_,
                 .data = data_,
                 .links = links_,
                 .count_behind = [this](storage::Lsn last) { return replication_.feeds().CountBehind(last); },
                 .kill_scripts =
                     [this] {
                       key_migrations_.GiveUpHeld();
                       scripts_.KillAll();
                     }}),
      housekeeping_({.options = options,
                     .clock = world.clock,
                     .ticks = ticks_,
                     .store = data_.store(),
                     .threads = threads_,
                     .needs = needs_,
                     .pause = pause_,
                     .memory = memory_,
                     .latency_events = latency_events_,
                     .link_bytes =
                         [this] {
                           const ReplicationTotals& totals = replication_.totals();
                           return LinkBytes{totals.bytes_in.load(), totals.bytes_out.load()};
                         },
                     .tick =
                         [this] {
                           replication_.Tick();
                           key_migrations_.Tick();
                           data_.Tick();
                           scripts_.Tick();
                           // Has the codes run that the primary has sent, before requests wait for that.
                           if (replication_.is_replica()) static_cast<void>(scripts_.functions().Get());
                           ServeHeldBack();
                           TendTracking();
                           history_.Tick(report_parts_, data_.store());
                           const std::string wrong = oom_score_.Fit(options_, replication_.is_replica());
                           if (!wrong.empty()) log_.Warning(wrong);
                         }}),
      report_parts_{.clock = world.clock,
                    .ticks = ticks_,
                    .started_ms = started_ms_,
                    .started_steady_ms = started_steady_ms_,
                    .run_id = run_id_,
                    .config_path = config_path_,
                    .shutdown = shutdown_,
                    .options = options,
                    .commands = commands_,
                    .threads = threads_,
                    .data = data_,
                    .memory = memory_,
                    .housekeeping = housekeeping_,
                    .clients = clients_,
                    .broker = broker_,
                    .tracking = tracking_,
                    .replication = replication_,
                    .redis_link = redis_link_,
                    .key_migrations = key_migrations_,
                    .cluster = cluster_,
                    .shard_watch = shard_watch_,
                    .scripts = scripts_} {
  shard_place_.Connect(cluster_);
  needs_.AddSource([this]() -> uint32_t {
    const bool is_allowed = options_.enable_debug_command == static_cast<int64_t>(DebugCommand::kYes);
    return is_allowed ? 0u : uint32_t{kNeedsDebugAllowed};
  });
  needs_.AddSource([this] { return users_.may_be_restricted() ? uint32_t{kNeedsPermission} : 0u; });
  users_.set_on_restricted([this] { needs_.Update(); });
  store().set_observer(&key_changes_);
  store().long_holds().set_listener(&long_holds_);
  data_.set_on_replacing([this](bool replacing) { waiting_clients_.Hold(replacing); });
  waiting_clients_.set_retry(
      [this](const WaitingRequest& request, storage::Txn& txn) { return Retry(request, execution_parts_, txn); });
  waiting_clients_.set_refusal(
      [this](const WaitingRequest& request) { return WhyNotServedHere(request, execution_parts_); });
  option_applier_.ApplyAll();
}

storage::Status Server::SetUpUsers() {
  if (options_.aclfile.Get().empty()) return SetUpUsersOfConfig();
  if (options_.users.empty()) return LoadUsers();
  return storage::Fail(options_.users.front().where +
                       ": users can't be given both by user lines and by an aclfile; move the lines to that file");
}

storage::Status Server::SetUpUsersOfConfig() {
  for (const UserDirective& line : options_.users) {
    const storage::Result<Permissions> permissions = users_.Parse(line.name, line.rules);
    if (!permissions) return storage::Fail(line.where + ": " + permissions.error().text);
    if (!permissions->is_enabled) log_.Notice("the user '" + line.name + "' is disabled: he has no rule 'on'");
    users_.Put({line.name, std::make_shared<const Permissions>(*permissions)});
  }
  return {};
}

storage::Status Server::LoadUsers() {
  const std::string path = options_.aclfile.Get();
  const storage::Result<std::string> text = storage::ReadWhole(world_.files, path);
  if (!text) {
    const std::string& why = text.error().text;
    const size_t named = why.rfind("': ");  // it names the file itself
    const std::string reason = named == std::string::npos ? why : why.substr(named + 3);
    return storage::Fail("Error loading ACLs, opening file '" + path + "': " + reason);
  }
  storage::Result<std::vector<NamedUser>> all = ReadUsers(*text, path, users_);
  if (!all) return tl::unexpected(all.error());
  users_.Replace(std::move(*all));
  return {};
}

storage::Status Server::SaveUsers() {
  storage::MutexLock lock(own_files_);
  return storage::ReplaceWhole(world_.files, options_.aclfile.Get(), WriteUsers(users_));
}

storage::Result<bool> Server::RewriteConfig(RewriteScope scope) {
  storage::MutexLock lock(own_files_);
  const bool has_users = options_.aclfile.Get().empty() && users_.may_be_restricted();
  return RewriteConfigFile(config_path_, options_, has_users ? WriteUsers(users_) : std::string(), scope);
}

Server::~Server() { [[maybe_unused]] const storage::Status ignored = Stop(); }

ThreadStates Server::MakeThreads(HttpLabels http_labels) {
  ThreadStates made;
  const auto count = static_cast<size_t>(options_.io_threads.load());
  for (size_t i = 0; i < 2 * count; ++i) {
    made.push_back(
        std::make_unique<ThreadState>(i % count, store(), commands_.size(), world_.chance.Next(), http_labels));
    made.back()->txn.set_skips_held(true);
  }
  for (size_t i = 0; i < LongWork::kThreads; ++i) {
    made.push_back(
        std::make_unique<ThreadState>(kNoThread, store(), commands_.size(), world_.chance.Next(), http_labels));
  }
  return made;
}

void Server::Start(ClientLinks& links) {
  links_.Connect(links);
  key_events_.set_links(&links);
  waiting_clients_.set_links(&links);
  memory_.NoteStartup();
  store().reclaimer().Start([this] { RunOnProcessors(options_.bio_cpulist.Get()); });
}

void Server::ServeHeldBack() {
  if (pause_.next_end_ms() != 0) pause_.Current();  // ends it in time, if no command waits for that
  if (waiting_clients_.has_held_back()) links_.RunOn(0, [this] { waiting_clients_.ServeHeldBack(); });
}

void Server::TendTracking() {
  if (!store().is_tracked()) return;
  storage::Random random(ticks_.Now());
  storage::Txn txn(store(), world_.clock.Now(), random);
  tracking_.MakeRoom(txn, options_.tracking_table_max_keys);
  tracking_.Tick(txn);
}

void Server::BeginLoading() {
  data_.BeginLoading();
  if (options_.replicaof.Get().empty() && !replication_.is_elected()) return;
  replication_.WillFollow();
  needs_.Update();
}

void Server::EndLoading() {
  data_.EndLoading();
  housekeeping_.Start();
}

storage::Status Server::StartLinks() {
  if (storage::Status prepared = coordinator_.Prepare(); !prepared) return prepared;
  replication_.Start();
  cluster_.Start();
  coordinator_.Start();
  shard_watch_.Start();
  const std::string redis = options_.migrate_from.Get();
  return redis.empty() ? storage::Status() : redis_link_.Start(ParseAddress(redis));
}

storage::Status Server::Stop() {
  scripts_.functions().EndLoads();
  coordinator_.Stop();
  shard_watch_.Stop();  // a request that is passed on to the primary ends with it
  administration_.Stop();
  long_work_.Stop();
  housekeeping_.Stop();
  cluster_.Stop();
  redis_link_.Stop();
  key_migrations_.Stop();
  replication_.Stop();
  return data_.Close();
}

storage::Lsn Server::safe_lsn() {
  if (replication_.is_fenced()) return 0;
  const storage::LogWriter& log = durability().log();
  // A replica's data is safe with its primary.
  const bool awaits_log = durability().awaits_log() && !replication_.is_replica();
  const bool must_be_durable = log.policy() == storage::SyncPolicy::kAlways && (awaits_log || log.is_open());
  // Nor is a primary's write safe that would come back as one of the history before its promotion.
  const bool is_named = replication_.is_replica() || !replication_.history().awaits_name();
  const storage::Lsn durable = !must_be_durable ? UINT64_MAX : log.is_open() && is_named ? log.durable() : 0;
  return waits_for_quorum() ? std::min(durable, replication_.quorum_lsn()) : durable;
}

uint32_t Server::quorum_term() const { return replication_.quorum_term(); }

bool Server::HasEnded(uint32_t term) const { return term != 0 && term != replication_.term(); }

void Server::ResetStatistics(storage::Txn& txn) {
  for (const auto& thread : threads_) thread->statistics.Reset();
  storage::ResetStatistics(txn);
  store().reclaimer().ResetFreed();
  housekeeping_.ResetExpiryCost();
  memory_.ResetPeak();
  usage_.slots.Reset();
}

}  // namespace ringkv::server
