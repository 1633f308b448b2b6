// SPDX-License-Identifier: MIT
#include "server/coordinator/coordinator_thread.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "cluster/failover/cluster_topology.h"
#include "cluster/failover/coordinator_address.h"
#include "cluster/failover/node_presence.h"
#include "cluster/failover/shard_keys.h"
#include "cluster/failover/shard_member.h"
#include "etcd/etcd_client.h"
#include "server/base/version.h"
#include "server/cluster/own_node.h"
#include "server/config/has_coordinator.h"
#include "server/config/own_ports.h"
#include "server/coordinator/member_node.h"
#include "server/node_link/link_phase.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

// A node without data leaves it to those that have some to begin the shard.
constexpr int64_t kEmptyWaitsMs = 2000;
constexpr int64_t kLongestWaitMs = 250;
constexpr int kFailuresToTell = 3;
// Calls of the presence, beside those of the member.
constexpr uint64_t kOfPresence = uint64_t{1} << 63;

int64_t PortOf(const Options& options) {
  const int64_t announced = options.replica_announce_port;
  return announced != 0 ? announced : PortOfReplica(options);
}

// One without cluster mode is `0`.
std::string ShardOf(const Options& options) {
  return options.cluster_enabled != 0 ? options.shard.Get() : cluster::ShardMember::Config().shard;
}

cluster::ShardMember::Config ConfigOf(const CoordinatorParts& parts, std::string cluster, std::string id) {
  const Options& options = parts.options;
  const storage::LogBuffer& log = parts.data.store().log();
  const bool has_data = log.appended() > 0 || log.has_unrecorded();
  return {.cluster = std::move(cluster),
          .shard = ShardOf(options),
          .id = std::move(id),
          .host = OwnHost(options),
          .port = PortOf(options),
          .ttl_seconds = options.coordinator_ttl,
          .limits = {.fewest = static_cast<size_t>(options.coordinator_min_in_sync)},
          .is_in_cluster = options.cluster_enabled != 0,
          .creates_after_ms = has_data ? 0 : kEmptyWaitsMs};
}

// So that no write is refused because a member has died: it leaves the in-sync set in time for the replies.
int64_t PatienceOf(const Options& options) {
  constexpr int64_t kLeastMs = 300;  // a member has to acknowledge something three times in that
  if (options.repl_ack == 0) return std::max<int64_t>(options.repl_max_lag, kLeastMs);
  return std::clamp<int64_t>(options.repl_ack_timeout / 2, kLeastMs, cluster::InSyncSet::Limits().patience_ms);
}

etcd::EtcdClient::Access AccessOf(const Options& options) {
  return {.user = options.coordinator_user.Get(),
          .password = options.coordinator_password.Get(),
          .ca = options.coordinator_ca_cert_file.Get(),
          .certificate = options.coordinator_cert_file.Get(),
          .key = options.coordinator_key_file.Get()};
}

// Or each call of etcd would fail, for a reason that does not name the file.
storage::Status CheckFiles(const Options& options) {
  const auto check = [](const char* option, const SharedText& file) -> storage::Status {
    const std::string path = file.Get();
    if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
    return storage::Fail(std::string(option) + " '" + path + "' can't be read: " + std::strerror(errno));
  };
  storage::Status readable = check("coordinator-ca-cert-file", options.coordinator_ca_cert_file);
  if (readable) readable = check("coordinator-cert-file", options.coordinator_cert_file);
  return readable ? check("coordinator-key-file", options.coordinator_key_file) : readable;
}

cluster::NodePresence PresenceOf(const Options& options, const std::string& cluster, const std::string& id) {
  const bool is_in_cluster = options.cluster_enabled != 0;
  const cluster::LivingNode node{.shard = ShardOf(options),
                                 .host = OwnHost(options),
                                 .port = is_in_cluster ? PortOfNode(options) : PortOf(options),
                                 .version = std::string(kRingKvVersion)};
  const std::string lasting_key = is_in_cluster ? cluster::ClusterKeys(cluster).address(id) : "";
  return {cluster::NodeKeys(cluster).node(id), Print(node), lasting_key};
}

}  // namespace

struct CoordinatorThread::Seat {
  Seat(CoordinatorThread& thread, cluster::CoordinatorAddress address, std::string id)
      : node(thread.parts_.replication, thread.parts_.data, thread.parts_.log, thread.parts_.world.files),
        presence(PresenceOf(thread.parts_.options, address.cluster, id)),
        cluster(address.cluster),
        self({id, ShardOf(thread.parts_.options), OwnHost(thread.parts_.options), PortOfNode(thread.parts_.options)}),
        member(ConfigOf(thread.parts_, address.cluster, std::move(id)), node),
        etcd(std::move(address), AccessOf(thread.parts_.options), thread.parts_.options.coordinator_ttl * 1000 / 6,
             [&thread](uint64_t call, const cluster::EtcdAnswer& answer) { thread.Take(call, answer); }) {}

  MemberNode node;
  cluster::NodePresence presence;
  const std::string cluster;
  const cluster::ComposingNode self;
  uint64_t shown_version = 0;  // of the view whose topology the cluster's state was given last
  bool shown_leads = false;
  cluster::ShardMember member;
  etcd::EtcdClient etcd;
};

CoordinatorThread::CoordinatorThread(const CoordinatorParts& parts)
    : parts_(parts), topology_(parts.cluster, parts.log) {}

CoordinatorThread::~CoordinatorThread() { Stop(); }

storage::Status CoordinatorThread::Prepare() {
  if (!HasCoordinator(parts_.options)) return {};
  if (storage::Status readable = CheckFiles(parts_.options); !readable) return readable;
  storage::Result<cluster::CoordinatorAddress> address = cluster::ParseCoordinator(parts_.options.coordinator.Get());
  if (!address) return storage::Fail("coordinator " + address.error().text);
  storage::Result<std::string> id = OwnNodeId(parts_.world);
  if (!id) return tl::unexpected(id.error());
  parts_.replication.JoinAs(*id, [this] { seat_->etcd.Wake(); });
  seat_ = std::make_unique<Seat>(*this, std::move(*address), std::move(*id));
  return {};
}

void CoordinatorThread::Start() {
  if (seat_ == nullptr) return;
  if (parts_.cluster.is_enabled()) topology_.Start();
  thread_ = std::thread([this] { Run(); });
}

void CoordinatorThread::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  seat_->etcd.Wake();
  thread_.join();
  topology_.Stop();
}

void CoordinatorThread::Run() {
  NameThisThread("coordinator");
  storage::CountMemoryOfThisThread();
  while (!stopping_) {
    seat_->node.Observe();
    HandOver();
    seat_->member.set_patience_ms(PatienceOf(parts_.options));
    seat_->member.Work(now());
    Apply();
    int64_t wake_at = std::min(seat_->member.wake_at(), seat_->presence.wake_at());
    // When the lease ends, requests are refused from then on.
    if (const int64_t end = seat_->member.valid_until(); end > now()) wake_at = std::min(wake_at, end);
    Exchange(std::clamp<int64_t>(wake_at - now(), 1, kLongestWaitMs));
  }
  Leave();
}

void CoordinatorThread::HandOver() {
  cluster::ShardMember& member = seat_->member;
  std::optional<std::string> heir = parts_.replication.heir();
  if (heir != heir_) {
    heir_ = std::move(heir);
    if (heir_) {
      member.HandOverTo(*heir_, now());
    } else {
      member.KeepLead();
    }
  }
  if (!heir_ || member.is_handing_over()) return;
  heir_.reset();
  parts_.replication.EndHandover();
}

void CoordinatorThread::Leave() {
  constexpr int64_t kPatienceMs = 500;
  seat_->member.Leave();
  seat_->presence.Leave();
  Apply();
  const int64_t end = now() + kPatienceMs;
  const auto has_left = [&] { return seat_->member.has_left() && seat_->presence.has_left(); };
  while (!has_left() && now() < end) Exchange(end - now());
}

void CoordinatorThread::Exchange(int64_t milliseconds) {
  while (std::optional<cluster::EtcdCall> call = seat_->member.NextCall(now())) seat_->etcd.Begin(*call);
  while (std::optional<cluster::EtcdCall> call = seat_->presence.NextCall(now())) {
    call->number |= kOfPresence;
    seat_->etcd.Begin(*call);
  }
  seat_->etcd.Work(milliseconds);
}

void CoordinatorThread::Take(uint64_t call, const cluster::EtcdAnswer& answer) {
  NoteAnswer(answer);
  if ((call & kOfPresence) != 0) return seat_->presence.Take(answer, now());
  seat_->member.Take(call, answer, now());
  Apply();
}

// Whose acknowledgements are needed has to hold before the first write can be acknowledged.
void CoordinatorThread::Apply() {
  const cluster::ShardMember& member = seat_->member;
  parts_.replication.Require(member.Required());
  parts_.replication.SetInSync(member.in_sync(), member.lacks_members());
  parts_.replication.SetShrinking(member.is_set_shrinking());
  parts_.replication.SetLeaseEnd(member.valid_until());
  parts_.replication.SetElectable(failures_ < kFailuresToTell && member.view().is_known(), member.CountHeirs());
  ShowCluster();
}

void CoordinatorThread::ShowCluster() {
  const cluster::ShardView& view = seat_->member.view();
  if (!parts_.cluster.is_enabled() || !view.is_known()) return;
  // As the keys say, and as this node has begun to act.
  const bool leads =
      view.record() && view.record()->primary == seat_->self.id && view.record()->epoch == seat_->node.led_epoch();
  if (std::exchange(seat_->shown_version, view.version()) == view.version() && leads == seat_->shown_leads) return;
  seat_->shown_leads = leads;
  topology_.Show(cluster::ComposeTopology(view, seat_->cluster, seat_->self), leads);
}

void CoordinatorThread::NoteAnswer(const cluster::EtcdAnswer& answer) {
  if (answer.outcome != cluster::EtcdAnswer::Outcome::kUnknown) {
    if (failures_ >= kFailuresToTell) parts_.log.Notice("coordinator: etcd answers again");
    failures_ = 0;
    return;
  }
  parts_.replication.NoteCoordinatorFailure();
  if (++failures_ == kFailuresToTell) {
    parts_.log.Warning("coordinator: etcd does not answer, which is tried again: " + answer.error);
  }
}

}  // namespace ringkv::server
