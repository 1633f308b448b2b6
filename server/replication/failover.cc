// SPDX-License-Identifier: MIT
#include "server/replication/failover.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/base/text.h"
#include "server/command/expiry_time.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::Fail;
using storage::MutexLock;
using storage::Status;

namespace {

constexpr int64_t kHeldMs = 3000;  // etcd decides about a hand-over within two seconds, if it answers

bool IsAt(const ReplicaStatus& replica, const PrimaryAddress& address) {
  return EqualsIgnoringCase(replica.host, address.host) && replica.port == address.port;
}

std::string NameOfAddress(const std::optional<PrimaryAddress>& address) {
  return address ? address->host + ":" + std::to_string(address->port) : "any replica";
}

}  // namespace

std::string_view Failover::NameOf(State state) {
  switch (state) {
    case State::kNone: return "no-failover";
    case State::kWaitingForSync: return "waiting-for-sync";
    case State::kInProgress: return "failover-in-progress";
  }
  return "unknown";
}

void Failover::Stop() {
  {
    MutexLock lock(mutex_);
    is_cancelled_ = true;
    if (state_ == State::kWaitingForSync) state_ = State::kNone;
  }
  changed_.notify_all();
  MutexLock begin(begin_mutex_);
  if (waiter_.joinable()) waiter_.join();
}

// --- begin and end --------------------------------------------------------------------------------------------------

Status Failover::Check(const Request& request) const {
  if (state() != State::kNone) return Fail("ERR FAILOVER already in progress.");
  if (owner_.is_replica()) return Fail("ERR FAILOVER is not valid when server is a replica.");
  std::vector<ReplicaStatus> replicas = feeds_.replicas();
  if (replicas.empty()) return Fail("ERR FAILOVER requires connected replicas.");
  if (request.force && (request.timeout_ms == 0 || !request.target)) {
    return Fail("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  }
  std::erase_if(replicas, [&](const auto& each) { return request.target && !IsAt(each, *request.target); });
  if (replicas.empty()) return Fail("ERR FAILOVER target HOST and PORT is not a replica.");
  std::erase_if(replicas, [](const auto& each) { return each.is_redis; });
  if (replicas.empty()) {
    return Fail("ERR FAILOVER needs a RingKV replica. A redis-server takes over after REPLICAOF NO ONE.");
  }
  if (request.target && replicas.front().state != FeedState::kOnline) {
    return Fail("ERR FAILOVER target replica is not online.");
  }
  return {};
}

Status Failover::Begin(const Request& request) {
  MutexLock begin(begin_mutex_);
  if (Status possible = Check(request); !possible) return possible;
  if (waiter_.joinable()) waiter_.join();  // of an earlier failover, which has ended
  parts_.log.Notice("FAILOVER requested to " + NameOfAddress(request.target));
  MutexLock lock(mutex_);
  request_ = request;
  end_ms_ = request.timeout_ms == 0 ? 0 : MillisecondsFrom(parts_.world.clock.SteadyMs(), request.timeout_ms);
  is_cancelled_ = false;
  synced_ms_ = 0;
  state_ = State::kWaitingForSync;
  parts_.pause.Begin(PausePurpose::kFailover, PauseMode::kWrites, INT64_MAX);
  waiter_ = std::thread([this] { WaitForTarget(); });
  return {};
}

Status Failover::Abort() {
  MutexLock lock(mutex_);
  if (state() == State::kNone) return Fail("ERR No failover in progress.");
  Revert("Failover manually aborted");
  return {};
}

bool Failover::IsAbout(uint64_t generation) { return state() == State::kInProgress && owner_.IsCurrent(generation); }

void Failover::Complete(uint64_t generation) {
  MutexLock lock(mutex_);
  if (IsAbout(generation)) Finish();
}

void Failover::Reject(uint64_t generation, const std::string& why) {
  MutexLock lock(mutex_);
  if (IsAbout(generation)) Revert("Failover target rejected psync request: " + why);
}

void Failover::Complete() {
  MutexLock lock(mutex_);
  if (state() == State::kInProgress) Finish();
}

void Failover::GiveUp(const std::string& why) {
  MutexLock lock(mutex_);
  if (state() == State::kInProgress) Revert(why);
}

void Failover::Revert(const std::string& why) {
  parts_.log.Warning("FAILOVER to " + NameOfAddress(request_.target) + " aborted: " + why);
  if (state() == State::kInProgress) {
    owner_.TakeBack();
  } else {
    owner_.Unfreeze();
  }
  Clear();
}

void Failover::Finish() {
  owner_.RelayClients();
  Clear();
}

void Failover::Tick() {
  if (state() == State::kInProgress && !HoldsRequests()) parts_.links.ResumePaused();
}

void Failover::Clear() {
  is_cancelled_ = true;
  state_ = State::kNone;
  changed_.notify_all();
  parts_.pause.End(PausePurpose::kFailover);
}

// --- waiting for the target -----------------------------------------------------------------------------------------

void Failover::WaitForTarget() {
  constexpr auto kSlice = std::chrono::milliseconds(10);  // an acknowledgement that comes amid Advance is seen then
  NameThisThread("failover");
  storage::CountMemoryOfThisThread();
  // Writes that were admitted before the pause have ended, and so has a REPLICAOF that saw no failover yet.
  const bool is_quiet = parts_.links.WaitForRound(is_cancelled_, MillisecondsForScripts());
  MutexLock lock(mutex_);
  if (!is_quiet && state_ == State::kWaitingForSync) return Revert("a script has not ended before timeout");
  if (state_ == State::kWaitingForSync) owner_.Freeze();
  while (state_ == State::kWaitingForSync) {
    Advance();
    if (state_ == State::kWaitingForSync) mutex_.WaitUntil(changed_, std::chrono::steady_clock::now() + kSlice);
  }
}

// Nobody could have asked for a failover while redis-server is busy with a script: so without TIMEOUT it isn't waited
// for without end either.
int64_t Failover::MillisecondsForScripts() {
  constexpr int64_t kWithoutTimeoutMs = 10'000;
  MutexLock lock(mutex_);
  return end_ms_ == 0 ? kWithoutTimeoutMs : std::max<int64_t>(end_ms_ - parts_.world.clock.SteadyMs(), 0);
}

void Failover::Advance() {
  if (owner_.is_replica()) return Revert("this server has become a replica");
  if (end_ms_ != 0 && parts_.world.clock.SteadyMs() >= end_ms_) {
    return request_.force ? HandOver(*request_.target, false) : Revert("Replica never caught up before timeout");
  }
  const std::optional<PrimaryAddress> synced = FindSynced();
  if (synced && AreRepliesOut()) return HandOver(*synced, true);
  parts_.data.store().log().Wake();
}

// Replies of this term can't be confirmed any more when it has ended. A member of the shard that does not answer must
// not keep the role here for that.
bool Failover::AreRepliesOut() {
  constexpr int64_t kMostMs = 500;
  constexpr int64_t kRoundMs = 50;
  const int64_t now = parts_.world.clock.SteadyMs();
  if (synced_ms_ == 0) synced_ms_ = now;
  if (now - synced_ms_ >= kMostMs) return true;
  if (!owner_.IsSafe(parts_.data.store().log().appended())) return false;
  parts_.links.ReleaseReplies();
  parts_.links.WaitForRound(is_cancelled_, kRoundMs);
  return true;
}

std::optional<PrimaryAddress> Failover::FindSynced() const {
  const storage::Lsn last = parts_.data.store().log().appended();
  for (const ReplicaStatus& each : feeds_.replicas()) {
    const bool is_wanted = !request_.target || IsAt(each, *request_.target);
    if (is_wanted && !each.is_redis && each.state == FeedState::kOnline && each.acknowledged >= last) {
      return PrimaryAddress{each.host, static_cast<int>(each.port)};
    }
  }
  return std::nullopt;
}

void Failover::HandOver(const PrimaryAddress& target, bool is_synced) {
  const std::string name = NameOfAddress(target);
  parts_.log.Notice(is_synced ? "Failover target " + name + " is synced, failing over."
                              : "Failover to " + name + " time out exceeded, failing over.");
  request_.target = target;
  held_until_ms_ = parts_.world.clock.SteadyMs() + kHeldMs;
  state_ = State::kInProgress;
  parts_.needs.Update();
  owner_.HandOver(target, is_synced ? Takeover::kIfComplete : Takeover::kAnyway);
}

}  // namespace ringkv::server
