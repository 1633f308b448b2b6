// SPDX-License-Identifier: MIT
#include "server/replication/replication.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cluster/node_id.h"
#include "server/command/error_replies.h"
#include "server/config/has_coordinator.h"
#include "server/replication/dropped_groups.h"
#include "storage/base/random.h"

namespace ringkv::server {

using storage::MutexLock;
using storage::Status;

Replication::Replication(const ReplicationParts& parts)
    : parts_(parts),
      is_elected_(HasCoordinator(parts.options)),
      kept_data_(parts_),
      history_(parts.world.files, parts.world.chance, kept_data_),
      backlog_(parts_),
      data_(parts_, backlog_, *this),
      copy_(history_, data_),
      quorum_(history_),
      feeds_(parts_, history_, backlog_, totals_, *this),
      link_(parts_, history_, copy_, totals_, *this),
      failover_(parts_, feeds_, *this),
      relay_(parts_),
      lease_end_(is_elected_ ? 0 : kNoLease) {
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
  const bool has_more = parts_.data.store().log().has_unrecorded();  // loaded on top of what the files held
  copy_.Start(!is_replica(), parts_.data.durability().recovery().last, has_more);
  link_.Start();
  Tick();  // what the options ask for holds from the first client on
  const std::string primary = parts_.options.replicaof.Get();
  if (!primary.empty()) Follow(ParseAddress(primary));
}

void Replication::Stop() {
  failover_.Stop();
  relay_.Stop();
  link_.Stop();
  feeds_.CloseAll();
  backlog_.Close();
}

void Replication::FreeBacklog() {
  const std::shared_ptr<RedisStream> stream = feeds_.stream();
  if (backlog_.FreeIfUnused()) feeds_.EndStream(stream);
}

// --- roles ----------------------------------------------------------------------------------------------------------

void Replication::Follow(PrimaryAddress primary, Takeover takeover) {
  MutexLock lock(role_mutex_);
  const bool keeps_option = !parts_.shard_place.is_enabled() && !is_elected_;
  if (keeps_option) parts_.options.replicaof.Set(primary.host + " " + std::to_string(primary.port));
  FollowFrom(std::move(primary), takeover, 0);
}

void Replication::FollowFrom(PrimaryAddress primary, Takeover takeover, uint64_t lowest_epoch) {
  is_replica_ = true;
  parts_.needs.Update();
  // The changes that blocked clients wait for are made on the primary from now on.
  const bool hands_over = failover_.state() == Failover::State::kInProgress;
  parts_.waiting_clients.EndAll(errors::kNoPrimary, hands_over && parts_.options.failover_forward_time > 0);
  if (!hands_over) relay_.Shut();  // it knows another primary
  parts_.links.ResumeWaiting();
  link_.Follow(std::move(primary), takeover, lowest_epoch);
}

void Replication::PrepareToFollow(const std::atomic<bool>& give_up) {
  feeds_.CloseAll();
  // Writes admitted before have ended when every I/O thread has finished its current work.
  parts_.links.WaitForRound(give_up, ClientLinks::kAsLongAsItTakes);
}

void Replication::BecomeFollower() {
  term_ = 0;
  parts_.links.ReleaseReplies();  // those that wait for a majority are given up
  copy_.BecomeFollower();
  parts_.needs.Update();
}

void Replication::FollowerHasData() {
  MutexLock lock(authority_mutex_);
  SetAuthority(FollowersAuthority());
}

Status Replication::CheckTakeOver(const TakeoverRequest& request) {
  if (is_elected_) return storage::Fail(std::string(errors::kElected));
  const bool was_replica = is_replica();
  const Status possible = copy_.CheckTakeover(request, was_replica);
  return possible && was_replica ? CheckRoom() : possible;
}

Status Replication::TakeOver(const TakeoverRequest& request) {
  if (Status possible = CheckTakeOver(request); !possible || !is_replica()) return possible;
  parts_.log.Notice("the primary hands its role over to this replica (FAILOVER)");
  StopFollowing();
  return {};
}

void Replication::StopFollowing() {
  MutexLock lock(role_mutex_);
  if (!is_replica()) return;
  parts_.options.replicaof.Set("");
  Promote(0);
}

void Replication::Promote(uint64_t epoch) {
  relay_.Shut();
  link_.Unfollow();
  feeds_.CloseAll();
  copy_.BecomePrimary(epoch);
  parts_.links.ReleaseReplies();  // of writes that came before the history was in its file
  parts_.log.Notice("this server is now a primary, epoch " + std::to_string(history_.epoch()));
  parts_.needs.Update();
}

bool Replication::PrimaryHasData() {
  UpdateQuorum();  // what it was before may be of another history
  if (term_ == 0) term_ = ++last_term_;
  MutexLock authority_lock(authority_mutex_);
  return parts_.data.durability().BecomeOwner().has_unrecorded;
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
  const bool follows_redis = parts_.data.store().authority() == storage::Authority::kRedisFollower;
  if (options.maxmemory != 0 && !is_replica() && !follows_redis) unmet |= kNeedsMemoryChecked;
  if (!IsWritable()) unmet |= kNeedsWritable;
  if (!MayServeStale()) unmet |= kNeedsFreshData;
  const auto fewest = static_cast<size_t>(options.min_replicas_max_lag == 0 ? 0 : options.min_replicas_to_write.load());
  if (fewest > 0 && !is_replica() && good_replicas() < fewest) unmet |= kNeedsReplicas;
  if (lacks_members_ && !is_replica()) unmet |= kNeedsReplicas;
  if (is_fenced()) unmet |= kNeedsLease;
  if (failover_.state() == Failover::State::kInProgress || relay_.is_open()) unmet |= kNeedsNoHandOver;
  return unmet;
}

bool Replication::MayServeStale() const {
  return !is_replica() || parts_.options.replica_serve_stale_data != 0 || link_.phase() == LinkPhase::kConnected;
}

// --- replicas -------------------------------------------------------------------------------------------------------

storage::Lsn Replication::replica_offset() {
  return history_.is_replacing() ? 0 : link_.Secured(parts_.data.store().log().appended());
}

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
  if (feeds_.size() >= static_cast<size_t>(parts_.options.repl_max_replicas)) {
    return storage::Fail("ERR this server has repl-max-replicas replicas already");
  }
  return {};
}

void Replication::Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                        FeedRequest request) {
  copy_.NumberChanges();
  feeds_.Admit(std::move(channel), std::move(unread), std::move(card), std::move(request));
}

void Replication::AdmitRedis(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                             RedisSyncRequest request) {
  copy_.NumberChanges();
  feeds_.AdmitRedis(std::move(channel), std::move(unread), std::move(card), std::move(request));
}

std::string Replication::member_id() const {
  if (is_elected_) return elected_id_;
  if (parts_.shard_place.is_enabled()) return parts_.shard_place.node_id();
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const Options& options = parts_.options;
  return cluster::NodeIdOf(host + (":" + std::to_string(options.port)) + " " + options.dir.Get());
}

void Replication::NoteAck() {
  failover_.NoteAck();
  UpdateQuorum();
  parts_.links.ResumeWaiting();
}

void Replication::SaveHistory() {
  const bool was_awaited = history_.awaits_name();
  history_.Save();
  if (was_awaited && !history_.awaits_name()) parts_.links.ReleaseReplies();
}

void Replication::UpdateQuorum() {
  const bool is_asked_for = parts_.options.repl_ack != 0;
  if (!is_asked_for && quorum_lsn() == 0) return;
  cluster::Quorum::Shard shard{.nodes = static_cast<size_t>(parts_.options.repl_shard_nodes)};
  if (parts_.shard_place.is_enabled() && !is_elected_) shard.members = parts_.shard_place.shard_members();
  bool has_changed = false;
  {
    MutexLock lock(quorum_mutex_);
    if (is_elected_) shard.required = required_;
    if (is_asked_for) {
      has_changed = feeds_.Update(quorum_, shard);
    } else {
      quorum_.SwitchOff();
    }
    quorum_lsn_ = quorum_.last();
  }
  if (has_changed) parts_.links.ReleaseReplies();
}

void Replication::NoteReplicas() {
  NoteAck();
  good_replicas_ = feeds_.CountInSync();
  parts_.needs.Update();
}

void Replication::KeepDropped(storage::Lsn after) {
  const storage::Lsn last = parts_.data.store().log().appended();
  if (last <= after) return;
  const std::string what = "groups " + std::to_string(after + 1) + " to " + std::to_string(last) +
                           ", which this node had as the primary and its successor lacks, are dropped";
  // The last of them may wait for the log's thread, and come to the backlog then. If the disk fails they come there,
  // too.
  [[maybe_unused]] const Status ignored = parts_.data.durability().log().Flush();
  const std::unique_ptr<storage::LogTail> tail = backlog_.TailFrom(after + 1);
  const storage::Result<DroppedGroups> kept = KeepDroppedGroups(
      parts_.world.files, *tail, last, parts_.data.store().placement().seed, parts_.world.clock.Now());
  if (!kept) return parts_.log.Warning(what + "; they could not be kept: " + kept.error().text);
  parts_.log.Warning(what + ": " + std::to_string(kept->bytes) + " bytes, up to group " + std::to_string(kept->last) +
                     ", are kept in " + kept->file);
}

void Replication::RelayClients() {
  relay_.Open(link_.target());
  parts_.needs.Update();
}

bool Replication::IsSafe(storage::Lsn last) const {
  const storage::LogWriter& log = parts_.data.durability().log();
  const bool is_durable = log.policy() != storage::SyncPolicy::kAlways || !log.is_open() || log.durable() >= last;
  return is_durable && (parts_.options.repl_ack == 0 || quorum_lsn() >= last);
}

void Replication::Tick() {
  FitAuthority();
  failover_.Tick();
  if ((parts_.needs.Get() & kNeedsNoHandOver) != 0) parts_.needs.Update();  // its time may be over
  backlog_.UpdateLimit();
  feeds_.Tick();
  SaveHistory();
  good_replicas_ = feeds_.CountInSync();
  const bool has_replicas = feeds_.size() > 0;
  if (has_replicas) backlog_.NoteUse();
  if (parts_.options.repl_ack != 0 || is_elected_) {
    if (!backlog_.is_kept()) copy_.NumberChanges();  // acknowledgements need LSNs
    return UpdateQuorum();
  }
  UpdateQuorum();
  history_.ForgetMembers();  // that were counted before a restart, too
  if (!is_replica() && !has_replicas) FreeBacklog();
}

}  // namespace ringkv::server
