// SPDX-License-Identifier: MIT
#include "server/replication/replication.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cluster/node_id.h"
#include "cluster/replication/acks.h"
#include "server/command/error_replies.h"
#include "storage/base/random.h"
#include "storage/log/log_files.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

Replication::Replication(const ReplicationParts& parts)
    : parts_(parts),
      files_(parts.world.files),
      link_(parts_, *this),
      failover_(parts_, *this),
      redis_feeds_({*this, parts.data.store(), backlog_, parts.options, parts.world, parts.log, parts.clients}),
      history_(parts.world.chance.UniqueDigits()) {
  parts_.needs.AddSource([this] { return Unmet(); });
}

Replication::~Replication() { Stop(); }

// --- start and end --------------------------------------------------------------------------------------------------

void Replication::WillFollow() {
  MutexLock lock(authority_mutex_);
  is_replica_ = true;
  term_ = 0;
  SetAuthority(storage::Authority::kFollower);
}

void Replication::Start() {
  LoadHistory();
  link_.Start();
  Tick();  // what the options ask for holds from the first client on
  const std::string primary = parts_.options.replicaof.Get();
  if (!primary.empty()) Follow(ParseAddress(primary));
}

void Replication::Stop() {
  failover_.Stop();
  link_.Stop();
  CloseFeeds();
  if (has_backlog_.exchange(false)) {
    [[maybe_unused]] const auto last = parts_.data.durability().log().Detach(&backlog_);
  }
}

void Replication::LoadHistory() {
  storage::LogBuffer& log = parts_.data.store().log();
  const bool is_known = files_.Exists(HistoryPath());
  const bool has_changed = log.has_unrecorded();  // something was loaded on top of what the files held
  {
    MutexLock lock(mutex_);
    history_period_ = log.recording_periods();
    if (is_known) {
      const storage::Result<std::string> text = storage::ReadWhole(files_, HistoryPath());
      storage::Result<cluster::History> read =
          text ? cluster::History::Parse(*text) : storage::Result<cluster::History>(tl::unexpected(text.error()));
      if (read) {
        history_ = std::move(*read);
        epoch_ = history_.epoch();
        // LSNs after the recovered ones are assigned anew: a replica ahead of them has other changes.
        if (!is_replica()) history_.Fork(parts_.world.chance.UniqueDigits(), parts_.data.durability().recovery().last);
        is_history_unsaved_ = true;
      } else {
        parts_.log.Warning("cannot use '" + HistoryPath() + "': " + read.error().text +
                           "; replicas will need a snapshot");
      }
    }
  }
  if (is_known) KeepBacklog(!has_changed);
}

void Replication::SaveHistory() {
  const bool keeps_data = parts_.options.appendonly != 0 || !parts_.options.save.Get().empty();
  std::string text;
  MutexLock save_lock(save_mutex_);
  {
    MutexLock lock(mutex_);
    if (!is_history_unsaved_ || !keeps_data || is_replacing_ || !parts_.data.durability().files_follow()) return;
    text = history_.Print();
    is_history_unsaved_ = false;
  }
  Status saved = parts_.data.durability().LockDirectory();
  if (saved) {
    const auto placed = storage::PlaceFile(files_, "", HistoryPath(), text, storage::OpenMode::kReplace);
    if (!placed) saved = tl::unexpected(placed.error());
  }
  if (saved) {
    has_said_unsaved_ = false;
    return;
  }
  MutexLock lock(mutex_);
  is_history_unsaved_ = true;  // Tick retries
  if (std::exchange(has_said_unsaved_, true)) return;
  parts_.log.Warning("cannot save the history, which is tried again; after a restart replicas may need a snapshot: " +
                     saved.error().text);
}

void Replication::KeepBacklog(bool nothing_has_changed) {
  storage::LogWriter& log = parts_.data.durability().log();
  storage::LogBuffer& buffer = parts_.data.store().log();
  MutexLock lock(mutex_);
  backlog_.SetLimit(static_cast<size_t>(parts_.options.repl_backlog_size));
  last_replica_ms_ = parts_.world.clock.SteadyMs();
  if (!has_backlog_) {
    log.Attach(&backlog_);
    has_backlog_ = true;
    is_history_unsaved_ = true;  // from now on others may have parts of it
  }
  buffer.SetPrompt(true);
  if (history_period_ == buffer.recording_periods()) return;
  history_period_ = buffer.recording_periods();
  if (nothing_has_changed) return;
  // Changes without a number lie between what others may have and this.
  history_.Begin(parts_.world.chance.UniqueDigits());
  is_history_unsaved_ = true;
}

// --- roles ----------------------------------------------------------------------------------------------------------

void Replication::Follow(PrimaryAddress primary, Takeover takeover) {
  MutexLock lock(role_mutex_);
  is_replica_ = true;
  parts_.needs.Update();
  // What they wait for comes to the primary from now on.
  parts_.waiting_clients.EndAll(errors::kNoPrimary);
  parts_.links.ResumeWaiting();
  link_.Follow(std::move(primary), takeover);
}

void Replication::PrepareToFollow(const std::atomic<bool>& give_up) {
  CloseFeeds();
  // Writes admitted before have ended when every I/O thread has finished its current work.
  parts_.links.WaitForRound(give_up);
}

void Replication::BecomeFollower() {
  term_ = 0;
  parts_.links.ReleaseReplies();  // those that wait for a majority are given up
  {
    MutexLock lock(authority_mutex_);
    SetAuthority(FollowersAuthority());
  }
  KeepBacklog(false);
  parts_.needs.Update();
}

void Replication::Promote() {
  StopFollowing();
  parts_.options.replicaof.Set("");
}

Status Replication::TakeOver(std::string_view history, Lsn next, bool anyway) {
  if (!is_replica()) {
    // The reply to an earlier request may have been lost.
    const cluster::History own = this->history();
    const bool has_taken_over = !own.earlier().empty() && own.earlier().back().id == history;
    return has_taken_over ? Status() : storage::Fail("ERR PSYNC FAILOVER can't be sent to a master.");
  }
  if (history != history_id()) return storage::Fail("ERR PSYNC FAILOVER replid must match my replid.");
  if (!anyway && parts_.data.store().log().appended() + 1 < next) {
    return storage::Fail("ERR this replica has no group " + std::to_string(next - 1) + " yet");
  }
  if (Status admitted = CheckRoom(); !admitted) return admitted;
  parts_.log.Notice("the primary hands its role over to this replica (FAILOVER)");
  Promote();
  return {};
}

void Replication::StopFollowing() {
  MutexLock lock(role_mutex_);
  if (!is_replica()) return;
  const bool is_whole = link_.Unfollow();
  CloseFeeds();
  if (!is_whole) BeginEmpty();
  ForkHistory();
  UpdateQuorum();  // what it was before may be of another history
  if (term_ == 0) term_ = ++last_term_;
  SaveHistory();  // before the first change that does not belong to the old one
  BecomePrimary();
  parts_.log.Notice("this server is now a primary, epoch " + std::to_string(epoch_));
  parts_.needs.Update();
  SaveHistory();
}

void Replication::BeginEmpty() {
  parts_.log.Warning("this replica had only a part of a snapshot: it starts empty");
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  txn.LockAll();
  txn.Replace(parts_.world.chance.Next());
  txn.Unlock();
  EndReplacement(parts_.world.chance.UniqueDigits(), epoch_, 0);
}

void Replication::ForkHistory() {
  MutexLock lock(mutex_);
  history_.Fork(parts_.world.chance.UniqueDigits(), parts_.data.store().log().appended());
  // In a cluster its topology says which epoch it is.
  if (!parts_.shard_place.is_enabled()) epoch_ = epoch_ + 1;
  history_.set_epoch(epoch_);
  is_history_unsaved_ = true;
}

void Replication::BecomePrimary() {
  MutexLock authority_lock(authority_mutex_);
  const storage::Durability::Promotion promotion = parts_.data.durability().BecomeOwner();
  if (promotion.has_unrecorded) {
    // No other node has what clients wrote here while this was a writable replica.
    MutexLock lock(mutex_);
    history_.Begin(parts_.world.chance.UniqueDigits());
    is_history_unsaved_ = true;
  }
  is_replica_ = false;
}

storage::Authority Replication::FollowersAuthority() const {
  return parts_.options.replica_read_only != 0 ? storage::Authority::kFollower : storage::Authority::kWritableFollower;
}

void Replication::FitAuthority() {
  {
    MutexLock lock(authority_mutex_);
    const storage::Authority now = parts_.data.store().authority();
    if (!is_replica_ || now == storage::Authority::kOwner || now == FollowersAuthority()) return;
    SetAuthority(FollowersAuthority());
  }
  parts_.needs.Update();
  parts_.links.ResumePaused();
}

void Replication::SetPrimarysAuthority(storage::Authority authority) {
  MutexLock lock(authority_mutex_);
  if (!is_replica()) SetAuthority(authority);
}

void Replication::SetAuthority(storage::Authority authority) {
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  txn.LockAll();
  parts_.data.store().SetAuthority(authority);
}

bool Replication::WillBeWritable() const {
  const Options& options = parts_.options;
  return is_replica() && options.replica_read_only == 0 && options.read_only == 0;
}

bool Replication::IsWritable() const {
  if (parts_.options.read_only != 0) return false;
  if (!is_replica()) return true;
  // A follower that hides what has expired can't be written to.
  return parts_.options.replica_read_only == 0 &&
         parts_.data.store().authority() == storage::Authority::kWritableFollower;
}

uint32_t Replication::Unmet() const {
  const Options& options = parts_.options;
  uint32_t unmet = 0;
  // A replica's memory is its primary's concern.
  if (options.maxmemory != 0 && !is_replica()) unmet |= kNeedsMemoryChecked;
  if (!IsWritable()) unmet |= kNeedsWritable;
  if (!MayServeStale()) unmet |= kNeedsFreshData;
  const auto fewest = static_cast<size_t>(options.min_replicas_max_lag == 0 ? 0 : options.min_replicas_to_write.load());
  if (fewest > 0 && !is_replica() && good_replicas() < fewest) unmet |= kNeedsReplicas;
  return unmet;
}

bool Replication::MayServeStale() const {
  return !is_replica() || parts_.options.replica_serve_stale_data != 0 || link_.phase() == LinkPhase::kConnected;
}

// --- for the link ---------------------------------------------------------------------------------------------------

void Replication::ContinueHistory(const std::string& id, uint64_t epoch, Lsn last) {
  MutexLock lock(mutex_);
  if (id != history_.id()) {
    history_.Fork(id, last);
    is_history_unsaved_ = true;
  }
  epoch_ = epoch;
  history_.set_epoch(epoch);
}

void Replication::ForgetHistory() {
  MutexLock lock(mutex_);
  history_.Begin(parts_.world.chance.UniqueDigits());
}

Status Replication::BeginReplacement() {
  is_replacing_ = true;
  parts_.data.SetReplacing(true);
  CloseFeeds();
  ForgetHistory();
  return parts_.data.durability().BeginReplacement();
}

void Replication::EndReplacement(const std::string& id, uint64_t epoch, Lsn last) {
  // Until the new data set is in the files, they must not be taken for a part of its history.
  if (files_.Exists(HistoryPath())) {
    Status removed = parts_.data.durability().LockDirectory();
    if (removed) removed = files_.Remove(HistoryPath());
    if (!removed) parts_.log.Warning(removed.error().text);
  }
  parts_.data.durability().EndReplacement(last, !parts_.options.save.Get().empty());
  backlog_.Clear(last);
  {
    MutexLock lock(mutex_);
    history_.Begin(id);
    epoch_ = epoch;
    history_.set_epoch(epoch);
    history_period_ = parts_.data.store().log().recording_periods();
    is_history_unsaved_ = true;
  }
  is_replacing_ = false;
  parts_.data.SetReplacing(false);
}

// --- replicas -------------------------------------------------------------------------------------------------------

storage::Lsn Replication::replica_offset() { return is_replacing_ ? 0 : parts_.data.store().log().appended(); }

Status Replication::CheckAdmission() {
  if (is_replica() && link_.phase() != LinkPhase::kConnected && failover_.state() == Failover::State::kNone) {
    return storage::Fail("NOMASTERLINK Can't SYNC while not connected with my master");
  }
  return CheckRoom();
}

Status Replication::CheckRoom() {
  if (failover_.state() != Failover::State::kNone) {
    return storage::Fail("NOMASTERLINK Can't SYNC while failing over");
  }
  MutexLock lock(mutex_);
  if (feeds_.size() + redis_feeds_.size() >= static_cast<size_t>(parts_.options.repl_max_replicas)) {
    return storage::Fail("ERR this server has repl-max-replicas replicas already");
  }
  return {};
}

void Replication::Admit(int descriptor, std::string unread, std::shared_ptr<ClientCard> card, FeedRequest request) {
  KeepBacklog(false);
  auto feed =
      std::make_unique<ReplicaFeed>(parts_, *this, descriptor, std::move(unread), std::move(card), std::move(request));
  MutexLock lock(mutex_);
  feeds_.push_back(std::move(feed));
  feeds_.back()->Start();
}

void Replication::AdmitRedis(int descriptor, std::string unread, std::shared_ptr<ClientCard> card,
                             RedisSyncRequest request) {
  KeepBacklog(false);
  redis_feeds_.Admit(descriptor, std::move(unread), std::move(card), std::move(request));
}

void Replication::CloseFeed(uint64_t client_id) {
  redis_feeds_.Close(client_id);
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->card().id == client_id) feed->Interrupt();
  }
}

void Replication::CloseFeeds() {
  redis_feeds_.CloseAll();
  std::vector<std::unique_ptr<ReplicaFeed>> closing;
  {
    MutexLock lock(mutex_);
    closing.swap(feeds_);
  }
}

void Replication::ReapFeeds() {
  std::vector<std::unique_ptr<ReplicaFeed>> ended;
  {
    MutexLock lock(mutex_);
    const auto first_ended = std::partition(feeds_.begin(), feeds_.end(),
                                            [](const auto& feed) { return feed->state() != FeedState::kEnded; });
    std::move(first_ended, feeds_.end(), std::back_inserter(ended));
    feeds_.erase(first_ended, feeds_.end());
    for (const auto& feed : feeds_) feed->Tick();
    if (!feeds_.empty() || redis_feeds_.size() > 0) last_replica_ms_ = parts_.world.clock.SteadyMs();
  }
  redis_feeds_.Tick();
}

void Replication::Publish(const cluster::PublishedMessage& published) {
  if (!has_backlog_) return;
  const Lsn after = parts_.data.store().log().appended();
  redis_feeds_.Publish(after, published.in_shard, published.channel, published.message);
  std::shared_ptr<const std::string> body;
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (!feed->takes_published()) continue;
    if (body == nullptr) body = std::make_shared<const std::string>(EncodePublished(published));
    feed->Publish(after, body);
  }
}

namespace {

// The address at which the replica serves.
std::string HostOf(const ClientCard& card) {
  const std::string announced = card.replica_host.Get();
  return announced.empty() ? card.address.substr(0, card.address.rfind(':')) : announced;
}

}  // namespace

std::vector<Replication::Replica> Replication::replicas() {
  const int64_t now = parts_.world.clock.SteadyMs();
  const std::shared_ptr<RedisStream> stream = redis_feeds_.stream();
  std::vector<Replica> found;
  redis_feeds_.ForEach([&](const RedisFeed& feed) {
    const bool is_online = feed.state() == RedisReplica::State::kOnline;
    found.push_back({HostOf(feed.card()), feed.card().replica_port.load(),
                     is_online ? FeedState::kOnline : FeedState::kSendingSnapshot, feed.acknowledged_lsn(),
                     feed.acknowledged(), is_online ? (now - feed.last_ack_ms()) / 1000 : 0, true});
  });
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kEnded) continue;
    const Lsn last = feed->acknowledged();
    found.push_back({HostOf(feed->card()), feed->card().replica_port.load(), feed->state(), last,
                     stream == nullptr ? static_cast<int64_t>(last) : stream->OffsetAt(last),
                     feed->state() == FeedState::kOnline ? (now - feed->last_ack_ms()) / 1000 : 0});
  }
  return found;
}

Replication::Offsets Replication::offsets() {
  if (const std::shared_ptr<RedisStream> stream = redis_feeds_.stream()) {
    const RedisStream::Numbers numbers = stream->numbers();
    return {numbers.last, numbers.first, numbers.bytes};
  }
  return {static_cast<int64_t>(parts_.data.store().log().appended()),
          has_backlog_ ? static_cast<int64_t>(backlog_.first()) : 0, has_backlog_ ? backlog_.bytes() : 0};
}

std::string Replication::shown_id() {
  const std::shared_ptr<RedisStream> stream = redis_feeds_.stream();
  return stream == nullptr ? history_id() : stream->id();
}

std::vector<Lsn> Replication::Acknowledged() {
  std::vector<Lsn> acknowledged;
  redis_feeds_.ForEach([&](const RedisFeed& feed) {
    if (feed.state() == RedisReplica::State::kOnline) acknowledged.push_back(feed.acknowledged_lsn());
  });
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kOnline) acknowledged.push_back(feed->acknowledged());
  }
  return acknowledged;
}

size_t Replication::CountAcknowledged(Lsn lsn) { return cluster::CountAtLeast(Acknowledged(), lsn); }

size_t Replication::CountBehind(Lsn lsn) {
  AskForAcks(lsn);
  const std::vector<Lsn> acknowledged = Acknowledged();
  return acknowledged.size() - cluster::CountAtLeast(acknowledged, lsn);
}

std::string Replication::member_id() const {
  if (parts_.shard_place.is_enabled()) return parts_.shard_place.node_id();
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const Options& options = parts_.options;
  return cluster::NodeIdOf(host + (":" + std::to_string(options.port)) + " " + options.dir.Get());
}

std::vector<Lsn> Replication::AcknowledgedByMembers() {
  const bool in_cluster = parts_.shard_place.is_enabled();
  const std::vector<std::string> ids = in_cluster ? parts_.shard_place.shard_members() : std::vector<std::string>();
  const auto is_member = [&](const std::string& id) {
    return !in_cluster || std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  // One that has come again may still have its old feed, until repl-timeout: it counts once.
  std::vector<std::pair<std::string_view, Lsn>> members;
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() != FeedState::kOnline || !is_member(feed->member())) continue;
    const auto same = std::find_if(members.begin(), members.end(), [&](const auto& member) {
      return !member.first.empty() && member.first == feed->member();
    });
    if (same == members.end()) {
      members.emplace_back(feed->member(), feed->acknowledged());
    } else {
      same->second = std::max(same->second, feed->acknowledged());
    }
  }
  std::vector<Lsn> acknowledged;
  for (const auto& [id, last] : members) acknowledged.push_back(last);
  return acknowledged;
}

size_t Replication::CountMembers(size_t replicas) {
  const auto configured = static_cast<size_t>(parts_.options.repl_shard_nodes);
  if (configured != 0) return configured;
  if (parts_.shard_place.is_enabled()) return parts_.shard_place.shard_members().size();
  // Replicas that were ever connected are members, connected or not.
  MutexLock lock(mutex_);
  if (history_.members() < replicas + 1) {
    history_.set_members(replicas + 1);
    is_history_unsaved_ = true;
  }
  return history_.members();
}

void Replication::ForgetMembers() {
  MutexLock lock(mutex_);
  if (history_.members() == 0) return;
  history_.set_members(0);
  is_history_unsaved_ = true;
}

void Replication::NoteAck() {
  failover_.NoteAck();
  UpdateQuorum();
  parts_.links.ResumeWaiting();
}

void Replication::UpdateQuorum() {
  if (parts_.options.repl_ack == 0) {
    quorum_lsn_ = 0;
    return;
  }
  const std::vector<Lsn> acknowledged = AcknowledgedByMembers();
  const size_t nodes = CountMembers(acknowledged.size());
  // A single server needs no acknowledgement.
  const Lsn quorum =
      nodes <= 1 ? UINT64_MAX : cluster::QuorumLsn(acknowledged, nodes, parts_.data.store().log().appended());
  const Lsn before = quorum_lsn_.exchange(quorum);
  if (quorum != before) parts_.links.ReleaseReplies();
}

void Replication::NoteFeedChange() {
  NoteAck();
  CountGoodReplicas();
  parts_.needs.Update();
}

void Replication::CountGoodReplicas() {
  size_t good = 0;
  for (const Replica& replica : replicas()) {
    if (replica.state == FeedState::kOnline && replica.lag_seconds <= parts_.options.min_replicas_max_lag) ++good;
  }
  good_replicas_ = good;
}

void Replication::Tick() {
  FitAuthority();
  backlog_.SetLimit(static_cast<size_t>(parts_.options.repl_backlog_size));
  ReapFeeds();
  SaveHistory();
  CountGoodReplicas();
  const bool wants_quorum = parts_.options.repl_ack != 0;
  if (wants_quorum) {
    if (!has_backlog_) KeepBacklog(false);  // acknowledgements need LSNs
    UpdateQuorum();
  } else {
    ForgetMembers();
  }
  const int64_t ttl = parts_.options.repl_backlog_ttl;
  const std::shared_ptr<RedisStream> stream = redis_feeds_.stream();
  {
    MutexLock lock(mutex_);
    const bool is_unused = has_backlog_ && !is_replica() && !wants_quorum && feeds_.empty() &&
                           redis_feeds_.size() == 0 && ttl > 0 &&
                           parts_.world.clock.SteadyMs() - last_replica_ms_ > ttl * 1000;
    if (!is_unused) return;
    // Under the lock, since a replica that comes meanwhile needs the backlog again.
    has_backlog_ = false;
    parts_.data.store().log().SetPrompt(false);
    [[maybe_unused]] const auto last = parts_.data.durability().log().Detach(&backlog_);
    backlog_.Clear(0);
  }
  redis_feeds_.Forget(stream);
}

// --- history --------------------------------------------------------------------------------------------------------

std::string Replication::history_id() {
  MutexLock lock(mutex_);
  return history_.id();
}

cluster::History Replication::history() {
  MutexLock lock(mutex_);
  return history_;
}

bool Replication::Holds(std::string_view id, Lsn last) {
  MutexLock lock(mutex_);
  return history_.Holds(id, last, parts_.data.store().log().appended());
}

void Replication::RaiseEpoch(uint64_t epoch) {
  MutexLock lock(mutex_);
  if (epoch <= epoch_) return;
  epoch_ = epoch;
  history_.set_epoch(epoch);
}

std::unique_ptr<storage::LogTail> Replication::TailFrom(Lsn next) {
  const std::string directory = parts_.data.durability().log().is_open() ? parts_.options.appenddirname.Get() : "";
  return std::make_unique<storage::LogTail>(backlog_, files_, directory, next);
}

void Replication::NoteSync(bool is_partial, bool was_asked_for_partial) {
  if (is_partial) {
    ++totals_.partial;
    return;
  }
  ++totals_.full;
  if (was_asked_for_partial) ++totals_.partial_refused;
}

}  // namespace ringkv::server
