// SPDX-License-Identifier: MIT
#include "server/replication/primary_link.h"

#include <chrono>
#include <vector>

#include "resp/buffer.h"
#include "server/config/own_ports.h"
#include "server/node_link/handshake.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using cluster::MessageKind;
using storage::Fail;
using storage::MutexLock;
using storage::Status;

constexpr int64_t kPrimaryConnectMs = 5000;
constexpr size_t kStreamReceiveBytes = 256 * 1024;
// Between two attempts: longer each time, and short again after one that worked.
constexpr auto kShortestRest = std::chrono::milliseconds(50);
constexpr auto kLongestRest = std::chrono::milliseconds(1000);

}  // namespace

PrimaryLink::PrimaryLink(const ReplicationParts& parts, HistoryKeeper& history, ReplicationTotals& totals, Owner& owner)
    : parts_(parts), history_(history), totals_(totals), owner_(owner), follower_(parts.data.store()) {}

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

void PrimaryLink::Follow(PrimaryAddress target, Takeover takeover) {
  {
    MutexLock lock(mutex_);
    target_ = std::move(target);
    takeover_ = takeover;
    ++generation_;
    phase_ = LinkPhase::kConnect;
    down_since_ms_ = parts_.world.clock.SteadyMs();
  }
  socket_.Interrupt();
  changed_.notify_all();
}

bool PrimaryLink::Unfollow() {
  Follow({});
  MutexLock lock(apply_mutex_);
  phase_ = LinkPhase::kNone;
  return !follower_.is_loading();
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
  while (!stopping_ && target_.port == 0) mutex_.Wait(changed_);
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
  uint64_t followed = 0;
  PrimaryAddress target;
  std::string said;
  auto rest = kShortestRest;
  while (WaitForTarget(&generation, &target)) {
    if (followed != generation) {
      owner_.PrepareToFollow(stopping_);
      // The target may have changed meanwhile.
      MutexLock lock(apply_mutex_);
      if (!IsCurrent(generation)) continue;
      owner_.BecomeFollower();
      followed = generation;
    }
    const Status ended = FollowOnce(generation, target);
    socket_.Reset();
    if (stopping_ || !IsCurrent(generation)) continue;
    if (phase_ == LinkPhase::kConnected) {
      down_since_ms_ = parts_.world.clock.SteadyMs();
      rest = kShortestRest;
    }
    phase_ = LinkPhase::kConnect;
    if (ended.error().text != said) {
      said = ended.error().text;
      parts_.log.Warning("replication from " + target.host + ":" + std::to_string(target.port) + ": " + said +
                         "; trying again until it works");
    }
    Rest(rest);
    rest = std::min(2 * rest, kLongestRest);
  }
}

Status PrimaryLink::FollowOnce(uint64_t generation, const PrimaryAddress& target) {
  const storage::Result<std::shared_ptr<PeerSocket>> socket =
      socket_.Connect(target.host, target.port, kPrimaryConnectMs, stopping_, ToPrimary(parts_.options));
  if (!socket) return tl::unexpected(socket.error());
  if (stopping_ || !IsCurrent(generation)) return Fail("the link was closed");
  phase_ = LinkPhase::kConnecting;
  if (Status shaken = Handshake(**socket, generation, target); !shaken) return shaken;
  return ReceiveMessages(**socket, generation);
}

Takeover PrimaryLink::TakeoverFor(uint64_t generation) {
  MutexLock lock(mutex_);
  return IsCurrent(generation) ? takeover_ : Takeover::kNone;
}

void PrimaryLink::EndTakeover(uint64_t generation) {
  {
    MutexLock lock(mutex_);
    if (!IsCurrent(generation)) return;
    takeover_ = Takeover::kNone;
  }
  owner_.EndTakeover(generation);
}

Status PrimaryLink::Introduce(PeerSocket& socket) {
  const Options& options = parts_.options;
  if (Status known = Authenticate(socket, options, PrimarysTimeoutMs(options)); !known) return known;
  const int64_t announced = options.replica_announce_port;
  const int64_t port = announced != 0 ? announced : PortOfReplica(options);
  std::vector<std::string> about{"REPLCONF", "listening-port", std::to_string(port)};
  if (const std::string ip = options.replica_announce_ip.Get(); !ip.empty()) {
    about.insert(about.end(), {"ip-address", ip});
  }
  about.insert(about.end(), {"capa", std::string(kLinkCapability), "capa", std::string(kPublishCapability),
                             std::string(kLinkOption), std::string(kLinkVersion)});
  const storage::Result<std::string> answer = Ask(socket, PrimarysTimeoutMs(options), about);
  if (answer) return {};
  if (answer.error().text.find("ERR Unrecognized REPLCONF option") != std::string::npos) {
    return Fail("it is a Redis server: to move in from Redis use migrate-from");
  }
  return tl::unexpected(answer.error());
}

storage::Result<std::string> PrimaryLink::AskToSync(PeerSocket& socket, uint64_t generation, storage::Lsn have) {
  const Options& options = parts_.options;
  std::vector<std::string> request{"PSYNC", history_.id(), std::to_string(have + 1), owner_.member_id()};
  const Takeover takeover = TakeoverFor(generation);
  if (takeover == Takeover::kNone) {
    // A primary that was started again and is a replica now: others know only the history before that.
    const std::vector<std::string> equal = history_.history().EqualAt(have);
    if (!equal.empty()) request.emplace_back("ALSO");
    request.insert(request.end(), equal.begin(), equal.end());
    return Ask(socket, PrimarysTimeoutMs(options), request);
  }
  request.emplace_back("FAILOVER");
  if (takeover == Takeover::kAnyway) request.emplace_back("FORCE");
  storage::Result<std::string> reply = AskForAnyReply(socket, PrimarysTimeoutMs(options), request);
  if (!reply || reply->starts_with("+RINGKV ")) return reply;
  owner_.RejectTakeover(generation, *reply);
  return Fail("FAILOVER was answered: " + *reply);
}

Status PrimaryLink::Handshake(PeerSocket& socket, uint64_t generation, const PrimaryAddress& target) {
  if (Status introduced = Introduce(socket); !introduced) return introduced;
  const storage::Lsn have = parts_.data.store().log().appended();
  const auto verdict = AskToSync(socket, generation, have);
  if (!verdict) return tl::unexpected(verdict.error());
  char word[16] = {};
  char history[48] = {};
  unsigned long long epoch = 0;
  if (std::sscanf(verdict->c_str(), "+RINGKV %15s %47s %llu", word, history, &epoch) != 3) {
    return Fail("it answers PSYNC as a Redis server does ('" + verdict->substr(0, 40) +
                "'); to move in from Redis use migrate-from");
  }
  if (parts_.shard_place.is_enabled() && epoch < parts_.shard_place.epoch()) {
    return Fail("it is at epoch " + std::to_string(epoch) + " of the cluster, and this node at " +
                std::to_string(parts_.shard_place.epoch()));
  }
  epoch_floor_ = epoch;
  EndTakeover(generation);
  MutexLock lock(apply_mutex_);
  if (!IsCurrent(generation)) return Fail("the link was closed");
  if (std::string_view(word) == "CONTINUE") {
    follower_.Resume(have);
    last_ = have;
    history_.Continue(history, epoch, have);
    parts_.log.Notice("replication from " + target.host + ":" + std::to_string(target.port) + " resumes at LSN " +
                      std::to_string(have + 1));
    phase_ = LinkPhase::kConnected;
    parts_.needs.Update();
  } else {
    new_history_ = history;
    snapshot_bytes_ = 0;
    phase_ = LinkPhase::kSync;
    parts_.log.Notice("replication from " + target.host + ":" + std::to_string(target.port) +
                      " starts with a full sync");
  }
  last_received_ms_ = parts_.world.clock.SteadyMs();
  return {};
}

// --- messages -------------------------------------------------------------------------------------------------------

Status PrimaryLink::ReceiveMessages(PeerSocket& socket, uint64_t generation) {
  resp::Buffer received;
  size_t needed = 0;
  while (!stopping_ && IsCurrent(generation)) {
    char* room = received.Prepare(kStreamReceiveBytes);
    const int64_t timeout = parts_.options.repl_timeout * 1000;
    const storage::Result<size_t> got = socket.Receive(room, kStreamReceiveBytes, timeout);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) return Fail("it has been silent for " + std::to_string(timeout / 1000) + " s (repl-timeout)");
    received.Commit(*got);
    last_received_ms_ = parts_.world.clock.SteadyMs();
    totals_.bytes_in.fetch_add(*got, std::memory_order_relaxed);
    while (received.size() >= needed) {
      cluster::NodeMessage message;
      const cluster::Decoded decoded = DecodeMessage(received.Readable(), &message, &needed);
      if (decoded == cluster::Decoded::kBad) return Fail("a message from it is damaged");
      if (decoded == cluster::Decoded::kNeedMore) break;
      if (Status done = Take(generation, message); !done) return done;
      received.Consume(needed);
      needed = 0;
    }
    if (received.empty() && received.capacity() > 16 * kStreamReceiveBytes) received.ShrinkTo(0);
    if (owes_ack_) {
      if (Status sent = Acknowledge(socket); !sent) return sent;
    }
  }
  return Fail("the link was closed");
}

Status PrimaryLink::Take(uint64_t generation, const cluster::NodeMessage& message) {
  if (message.epoch < epoch_floor_) {
    return Fail("a message of epoch " + std::to_string(message.epoch) + " came, and epoch " +
                std::to_string(epoch_floor_) + " is current: it is no longer the primary");
  }
  epoch_floor_ = message.epoch;
  MutexLock lock(apply_mutex_);
  if (!IsCurrent(generation)) return Fail("the link was closed");
  if (phase_ == LinkPhase::kSync) return TakeSnapshotPart(message);
  if (message.kind == MessageKind::kHeartbeat) {
    cluster::Heartbeat heartbeat;
    if (!DecodeHeartbeat(message.body, &heartbeat)) return Fail("it sent an invalid heartbeat");
    primary_last_ = heartbeat.last;
    // By the primary's clock: the time of the last applied frame.
    behind_since_ms_ = heartbeat.last > last_ ? std::max<int64_t>(follower_.frame_time(), 1) : 0;
    owes_ack_ = true;
    return {};
  }
  if (message.kind == MessageKind::kPublished) return TakePublished(message.body);
  if (message.kind != MessageKind::kFrame) return Fail("it sent an unexpected message");
  if (Status taken = follower_.TakeFrame(message.body); !taken) {
    // The data here may differ from the primary's at this LSN.
    history_.Forget();
    return taken;
  }
  last_ = follower_.last();
  if (parts_.data.store().log().appended() != last_) {
    history_.Forget();
    return Fail("this server has a change of its own at LSN " + std::to_string(last_) + "; it needs a snapshot");
  }
  primary_last_ = std::max(primary_last_.load(), last_.load());
  behind_since_ms_ = primary_last_ > last_ ? follower_.frame_time() : 0;
  owes_ack_ = true;
  return {};
}

Status PrimaryLink::TakePublished(std::string_view body) {
  cluster::PublishedMessage published;
  if (!DecodePublished(body, &published)) return Fail("it sent an invalid published message");
  parts_.broker.Publish(parts_.links, kNoThread, published);
  owner_.Publish(published);
  return {};
}

Status PrimaryLink::TakeSnapshotPart(const cluster::NodeMessage& message) {
  snapshot_bytes_ += message.body.size();
  switch (message.kind) {
    case MessageKind::kSnapshot: {
      if (Status ready = owner_.BeginReplacement(); !ready) return ready;
      return follower_.Begin(message.body);
    }
    case MessageKind::kFrame: return follower_.TakeFrame(message.body);
    case MessageKind::kSection: break;
    case MessageKind::kHeartbeat: return {};
    default: return Fail("it sent an unexpected message");
  }
  if (Status taken = follower_.TakeSection(message.body); !taken) return taken;
  if (follower_.is_loading()) return {};
  last_ = follower_.last();
  owner_.EndReplacement(new_history_, epoch_floor_, last_);
  parts_.log.Notice("the snapshot is loaded: " + std::to_string(follower_.keys_loaded()) + " keys, up to LSN " +
                    std::to_string(last_));
  phase_ = LinkPhase::kConnected;
  parts_.needs.Update();
  owes_ack_ = true;
  return {};
}

Status PrimaryLink::Acknowledge(PeerSocket& socket) {
  owes_ack_ = false;
  storage::LogWriter& log = parts_.data.durability().log();
  storage::Lsn safe = last_;
  // An acknowledged group is as durable as the configuration promises for this node's own replies.
  if (log.is_open() && log.policy() == storage::SyncPolicy::kAlways) {
    while (log.durable() < safe && !log.has_failed()) log.Step();
    safe = std::min(safe, log.durable());
  }
  return socket.Send(cluster::EncodeMessage(MessageKind::kAck, epoch_floor_, cluster::EncodeAck(safe)),
                     parts_.options.repl_timeout * 1000);
}

}  // namespace ringkv::server
