// SPDX-License-Identifier: MIT
#include "server/replication/primary_link.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "server/config/has_coordinator.h"
#include "server/config/own_ports.h"
#include "server/node_link/handshake.h"
#include "server/node_link/pump.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using cluster::LogReceiver;
using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr int64_t kPrimaryConnectMs = 5000;
// Between two attempts: longer each time, and short again after one that worked. Short at first: a primary that has
// just been elected may not know it yet, and writes wait for those who follow it.
constexpr auto kShortestRest = std::chrono::milliseconds(10);
constexpr auto kLongestRest = std::chrono::milliseconds(1000);

LinkPhase PhaseOf(LogReceiver::State state) {
  switch (state) {
    case LogReceiver::State::kLoading: return LinkPhase::kSync;
    case LogReceiver::State::kStreaming: return LinkPhase::kConnected;
    default: return LinkPhase::kConnecting;
  }
}

}  // namespace

PrimaryLink::PrimaryLink(const ReplicationParts& parts, HistoryKeeper& history, cluster::ShardCopy& copy,
                         ReplicationTotals& totals, Owner& owner)
    : parts_(parts), history_(history), copy_(copy), totals_(totals), owner_(owner) {}

PrimaryLink::~PrimaryLink() { Stop(); }

void PrimaryLink::Start() {
  thread_ = std::thread([this] { Run(); });
}

void PrimaryLink::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  socket_.Interrupt();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PrimaryLink::Follow(PrimaryAddress target, Takeover takeover, uint64_t lowest_epoch) {
  {
    MutexLock lock(mutex_);
    target_ = std::move(target);
    takeover_ = takeover;
    lowest_epoch_ = lowest_epoch;
    follows_ = true;
    ++generation_;
    phase_ = LinkPhase::kConnect;
    down_since_ms_ = parts_.world.clock.SteadyMs();
  }
  socket_.Interrupt();
  changed_.notify_all();
}

void PrimaryLink::Unfollow() {
  {
    MutexLock lock(mutex_);
    follows_ = false;
    ++generation_;
  }
  socket_.Interrupt();
  changed_.notify_all();
  MutexLock lock(apply_mutex_);
  phase_ = LinkPhase::kNone;
}

PrimaryAddress PrimaryLink::target() {
  MutexLock lock(mutex_);
  return target_;
}

int64_t PrimaryLink::LagMs(int64_t now_ms) const {
  const int64_t since = behind_since_ms_;
  return since == 0 ? 0 : std::max<int64_t>(now_ms - since, 0);
}

// --- the thread -----------------------------------------------------------------------------------------------------

bool PrimaryLink::WaitForTarget(uint64_t* generation, PrimaryAddress* target) {
  MutexLock lock(mutex_);
  while (!stopping_ && !follows_) mutex_.Wait(changed_);
  *generation = generation_;
  *target = target_;
  return !stopping_;
}

void PrimaryLink::Rest(std::chrono::milliseconds duration) {
  MutexLock lock(mutex_);
  if (!stopping_) mutex_.WaitUntil(changed_, std::chrono::steady_clock::now() + duration);
}

void PrimaryLink::Run() {
  NameThisThread("replica-link");
  storage::CountMemoryOfThisThread();
  uint64_t generation = 0;
  std::string said;
  auto rest = kShortestRest;
  while (WaitForTarget(&generation, &connected_to_)) {
    if (followed_ != generation) {
      if (!BeginToFollow(generation)) continue;
      rest = kShortestRest;
    }
    const storage::Error ended = FollowOnce(connected_to_);
    socket_.Reset();
    if (IsObsolete()) continue;
    if (phase_ == LinkPhase::kConnected) {
      down_since_ms_ = parts_.world.clock.SteadyMs();
      rest = kShortestRest;
    }
    phase_ = LinkPhase::kConnect;
    if (ended.text != said) {
      said = ended.text;
      parts_.log.Warning("replication from " + connected_to_.host + ":" + std::to_string(connected_to_.port) + ": " +
                         said + "; trying again until it works");
    }
    Rest(rest);
    rest = std::min(2 * rest, kLongestRest);
  }
}

bool PrimaryLink::BeginToFollow(uint64_t generation) {
  owner_.PrepareToFollow(stopping_);
  // The target may have changed meanwhile.
  MutexLock lock(apply_mutex_);
  if (!IsCurrent(generation)) return false;
  owner_.BecomeFollower();
  followed_ = generation;
  return true;
}

storage::Error PrimaryLink::FollowOnce(const PrimaryAddress& target) {
  const Result<std::shared_ptr<PeerSocket>> socket =
      socket_.Connect(target.host, target.port, kPrimaryConnectMs, stopping_, ToPrimary(parts_.options));
  if (!socket) return socket.error();
  if (IsObsolete()) return {"the link was closed"};
  phase_ = LinkPhase::kConnecting;
  LogReceiver receiver(*this, Introduction(target));
  return Pump(receiver, **socket, parts_.world.clock);
}

cluster::ReplicaIntroduction PrimaryLink::Introduction(const PrimaryAddress& target) {
  const Options& options = parts_.options;
  const int64_t announced = options.replica_announce_port;
  return {.authentication = AuthCommand(options),
          .host = options.replica_announce_ip.Get(),
          .port = announced != 0 ? announced : PortOfReplica(options),
          .member = owner_.member_id(),
          .primary = target.id,
          .takeover = TakeoverNow()};
}

Takeover PrimaryLink::TakeoverNow() {
  MutexLock lock(mutex_);
  return IsCurrent(followed_) ? takeover_ : Takeover::kNone;
}

// --- what the log receiver changes ----------------------------------------------------------------------------------

Status PrimaryLink::CheckCurrent() const { return IsObsolete() ? Fail("the link was closed") : Status(); }

uint64_t PrimaryLink::lowest_epoch() {
  // Elections of the shard have epochs of their own.
  const bool has_topologys = parts_.shard_place.is_enabled() && !HasCoordinator(parts_.options);
  if (has_topologys) return parts_.shard_place.epoch();
  MutexLock lock(mutex_);
  return lowest_epoch_;
}

void PrimaryLink::EndTakeover() {
  {
    MutexLock lock(mutex_);
    if (!IsCurrent(followed_)) return;
    takeover_ = Takeover::kNone;
  }
  owner_.EndTakeover(followed_);
}

Result<LogReceiver::Applied> PrimaryLink::Resume(const std::string& history, uint64_t epoch, storage::Lsn last) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return tl::unexpected(current.error());
  const Result<LogReceiver::Applied> applied = copy_.Resume(history, epoch, last);
  if (!applied) return applied;
  parts_.log.Notice("replication from " + connected_to_.host + ":" + std::to_string(connected_to_.port) +
                    " resumes at LSN " + std::to_string(last + 1));
  return applied;
}

Status PrimaryLink::BeginSnapshot(std::string_view header) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return current;
  parts_.log.Notice("replication from " + connected_to_.host + ":" + std::to_string(connected_to_.port) +
                    " starts with a full sync");
  return copy_.BeginSnapshot(header);
}

Result<LogReceiver::Applied> PrimaryLink::TakeSection(std::string_view bytes) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return tl::unexpected(current.error());
  return copy_.TakeSection(bytes);
}

Status PrimaryLink::EndSnapshot(const std::string& history, uint64_t epoch, storage::Lsn last) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return current;
  copy_.EndSnapshot(history, epoch, last);
  EnterPhase(LinkPhase::kConnected);
  return {};
}

Result<LogReceiver::Applied> PrimaryLink::TakeFrame(std::string_view bytes) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return tl::unexpected(current.error());
  return copy_.TakeFrame(bytes);
}

void PrimaryLink::Forget() {
  MutexLock lock(apply_mutex_);
  if (!IsObsolete()) copy_.Forget();
}

Status PrimaryLink::Publish(const cluster::PublishedMessage& published) {
  MutexLock lock(apply_mutex_);
  if (Status current = CheckCurrent(); !current) return current;
  parts_.broker.Publish(parts_.links, kNoThread, published);
  owner_.Publish(published);
  return {};
}

// An acknowledged group is as durable as the configuration promises for this node's own replies.
bool PrimaryLink::SyncsFirst() const {
  storage::Durability& durability = parts_.data.durability();
  return durability.wants_log() && durability.log().policy() == storage::SyncPolicy::kAlways;
}

// Else a data set that was loaded is not in the files yet, or they don't say which data it is.
bool PrimaryLink::HasFiles() const { return parts_.data.durability().log().is_open() && history_.IsNamed(); }

storage::Lsn PrimaryLink::Secured(storage::Lsn last) const {
  if (!SyncsFirst()) return last;
  return HasFiles() ? std::min(last, parts_.data.durability().log().durable()) : 0;
}

storage::Lsn PrimaryLink::Secure(storage::Lsn last) {
  storage::LogWriter& log = parts_.data.durability().log();
  const bool syncs = SyncsFirst() && HasFiles();
  while (syncs && log.durable() < last && !log.has_failed()) log.Step();
  return Secured(last);
}

void PrimaryLink::NoteProgress(const LogReceiver::Progress& progress) {
  totals_.bytes_in.fetch_add(progress.received, std::memory_order_relaxed);
  last_received_ms_ = parts_.world.clock.SteadyMs();
  MutexLock lock(apply_mutex_);
  if (IsObsolete()) return;
  last_ = progress.last;
  primary_last_ = progress.primary_last;
  behind_since_ms_ = progress.behind_since;
  has_caught_up_ = progress.has_caught_up;
  snapshot_bytes_ = progress.snapshot_bytes;
  EnterPhase(PhaseOf(progress.state));
}

void PrimaryLink::EnterPhase(LinkPhase phase) {
  if (phase_.exchange(phase) != phase && phase == LinkPhase::kConnected) parts_.needs.Update();
}

}  // namespace ringkv::server
