// SPDX-License-Identifier: MIT
#include "server/replication/replication.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cluster/node_id.h"
#include "cluster/replication/acks.h"
#include "server/command/error_replies.h"
#include "storage/base/random.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

Replication::Replication(const ReplicationParts& parts)
    : parts_(parts),
      kept_data_(parts_),
      history_(parts.world.files, parts.world.chance, kept_data_),
      backlog_(parts_),
      feeds_(parts_, history_, backlog_, totals_, *this),
      link_(parts_, history_, totals_, *this),
      failover_(parts_, feeds_, *this) {
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
  const bool has_changed = parts_.data.store().log().has_unrecorded();  // loaded on top of what the files held
  if (history_.Load(!is_replica(), parts_.data.durability().recovery().last)) KeepBacklog(!has_changed);
  link_.Start();
  Tick();  // what the options ask for holds from the first client on
  const std::string primary = parts_.options.replicaof.Get();
  if (!primary.empty()) Follow(ParseAddress(primary));
}

void Replication::Stop() {
  failover_.Stop();
  link_.Stop();
  feeds_.CloseAll();
  backlog_.Close();
}

void Replication::KeepBacklog(bool nothing_has_changed) {
  if (backlog_.Keep()) history_.NoteShared();
  history_.NoteRecording(nothing_has_changed);
}

void Replication::FreeBacklog() {
  const std::shared_ptr<RedisStream> stream = feeds_.stream();
  if (backlog_.FreeIfUnused()) feeds_.EndStream(stream);
}

// --- roles ----------------------------------------------------------------------------------------------------------

void Replication::Follow(PrimaryAddress primary, Takeover takeover) {
  MutexLock lock(role_mutex_);
  is_replica_ = true;
  if (!parts_.shard_place.is_enabled()) parts_.options.replicaof.Set(primary.host + " " + std::to_string(primary.port));
  parts_.needs.Update();
  // The changes that blocked clients wait for are made on the primary from now on.
  parts_.waiting_clients.EndAll(errors::kNoPrimary);
  parts_.links.ResumeWaiting();
  link_.Follow(std::move(primary), takeover);
}

void Replication::PrepareToFollow(const std::atomic<bool>& give_up) {
  feeds_.CloseAll();
  // Writes admitted before have ended when every I/O thread has finished its current work.
  parts_.links.WaitForRound(give_up, ClientLinks::kAsLongAsItTakes);
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

Status Replication::CheckTakeOver(const TakeoverRequest& request) {
  if (!is_replica()) {
    // The reply to an earlier request may have been lost.
    const cluster::History own = history_.history();
    const bool has_taken_over = !own.earlier().empty() && own.earlier().back().id == request.history;
    return has_taken_over ? Status() : storage::Fail("ERR PSYNC FAILOVER can't be sent to a master.");
  }
  if (request.history != history_.id()) return storage::Fail("ERR PSYNC FAILOVER replid must match my replid.");
  if (!request.anyway && parts_.data.store().log().appended() + 1 < request.next) {
    return storage::Fail("ERR this replica has no group " + std::to_string(request.next - 1) + " yet");
  }
  return CheckRoom();
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
  const bool is_whole = link_.Unfollow();
  feeds_.CloseAll();
  if (!is_whole) BeginEmpty();
  history_.Fork();
  UpdateQuorum();  // what it was before may be of another history
  if (term_ == 0) term_ = ++last_term_;
  history_.Save();  // before the first change that does not belong to the old one
  BecomePrimary();
  parts_.log.Notice("this server is now a primary, epoch " + std::to_string(history_.epoch()));
  parts_.needs.Update();
  history_.Save();
}

void Replication::BeginEmpty() {
  parts_.log.Warning("this replica had only a part of a snapshot: it starts empty");
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  txn.LockAll();
  txn.Replace(parts_.world.chance.Next());
  txn.Unlock();
  EndReplacement(parts_.world.chance.UniqueDigits(), history_.epoch(), 0);
}

void Replication::BecomePrimary() {
  MutexLock authority_lock(authority_mutex_);
  const storage::Durability::Promotion promotion = parts_.data.durability().BecomeOwner();
  // No other node has what clients wrote here while this was a writable replica.
  if (promotion.has_unrecorded) history_.Begin();
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
  const bool follows_redis = parts_.data.store().authority() == storage::Authority::kRedisFollower;
  if (options.maxmemory != 0 && !is_replica() && !follows_redis) unmet |= kNeedsMemoryChecked;
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

Status Replication::BeginReplacement() {
  history_.BeginReplacement();
  parts_.data.SetReplacing(true);
  feeds_.CloseAll();
  return parts_.data.durability().BeginReplacement();
}

void Replication::EndReplacement(const std::string& id, uint64_t epoch, Lsn last) {
  // Until the new data set is in the files, they must not be taken for a part of its history.
  history_.RemoveFile();
  parts_.data.durability().EndReplacement(last, !parts_.options.save.Get().empty());
  backlog_.backlog().Clear(last);
  history_.EndReplacement(id, epoch);
  parts_.data.SetReplacing(false);
}

// --- replicas -------------------------------------------------------------------------------------------------------

storage::Lsn Replication::replica_offset() {
  return history_.is_replacing() ? 0 : parts_.data.store().log().appended();
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
  KeepBacklog(false);
  feeds_.Admit(std::move(channel), std::move(unread), std::move(card), std::move(request));
}

void Replication::AdmitRedis(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                             RedisSyncRequest request) {
  KeepBacklog(false);
  feeds_.AdmitRedis(std::move(channel), std::move(unread), std::move(card), std::move(request));
}

std::string Replication::member_id() const {
  if (parts_.shard_place.is_enabled()) return parts_.shard_place.node_id();
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const Options& options = parts_.options;
  return cluster::NodeIdOf(host + (":" + std::to_string(options.port)) + " " + options.dir.Get());
}

size_t Replication::CountMembers(size_t replicas) {
  const auto configured = static_cast<size_t>(parts_.options.repl_shard_nodes);
  if (configured != 0) return configured;
  if (parts_.shard_place.is_enabled()) return parts_.shard_place.shard_members().size();
  // Replicas that were ever connected are members, connected or not.
  return history_.CountMembers(replicas + 1);
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
  const std::vector<Lsn> acknowledged = feeds_.AcknowledgedByMembers();
  const size_t nodes = CountMembers(acknowledged.size());
  // A single server needs no acknowledgement.
  const Lsn quorum =
      nodes <= 1 ? UINT64_MAX : cluster::QuorumLsn(acknowledged, nodes, parts_.data.store().log().appended());
  const Lsn before = quorum_lsn_.exchange(quorum);
  if (quorum != before) parts_.links.ReleaseReplies();
}

void Replication::NoteReplicas() {
  NoteAck();
  good_replicas_ = feeds_.CountInSync();
  parts_.needs.Update();
}

void Replication::Tick() {
  FitAuthority();
  backlog_.UpdateLimit();
  feeds_.Tick();
  history_.Save();
  good_replicas_ = feeds_.CountInSync();
  const bool has_replicas = feeds_.size() > 0;
  if (has_replicas) backlog_.NoteUse();
  if (parts_.options.repl_ack != 0) {
    if (!backlog_.is_kept()) KeepBacklog(false);  // acknowledgements need LSNs
    return UpdateQuorum();
  }
  history_.ForgetMembers();
  if (!is_replica() && !has_replicas) FreeBacklog();
}

}  // namespace ringkv::server
