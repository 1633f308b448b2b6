// SPDX-License-Identifier: MIT
#include "server/cluster/cluster_state.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "cluster/migration/topology_change.h"
#include "cluster/static_coordinator.h"
#include "resp/reply_writer.h"
#include "server/cluster/slot_moves.h"
#include "server/config/has_coordinator.h"
#include "server/config/own_ports.h"
#include "storage/log/log_files.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

using cluster::Node;
using cluster::SlotLedger;
using cluster::SlotMap;
using cluster::SlotRange;
using cluster::SlotSet;
using cluster::Topology;
using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr const char* kLedgerPath = "cluster.slots";  // docs/formats/slots.md

constexpr const char* kElsewhere =
    "the coordinator has the topology of this cluster: ringkv-cluster apply with --coordinator changes it";

// Of IPv4 or IPv6, and not a name.
bool IsAddress(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

std::string SerialiseSlots(const ClusterView& view, int protocol, EndpointType type) {
  resp::Buffer out;
  resp::ReplyWriter reply(out, protocol);
  std::vector<SlotMap::Run> runs = view.slots.Runs();
  std::erase_if(runs, [](const SlotMap::Run& run) { return run.owner == cluster::kNoShard; });
  reply.Array(static_cast<int64_t>(runs.size()));
  for (const SlotMap::Run& run : runs) {
    const std::vector<size_t>& members = view.topology.shards()[run.owner].members;
    const auto has_failed = [&](size_t member) { return view.shown[member].has_failed; };
    // A primary is listed in any case, as in redis-server; replicas while they answer.
    const auto left_out = std::count_if(members.begin() + 1, members.end(), has_failed);
    reply.Array(static_cast<int64_t>(2 + members.size()) - left_out);
    reply.Integer(run.range.first);
    reply.Integer(run.range.last);
    for (const size_t member : members) {
      const ShownNode& node = view.shown[member];
      if (member != members[0] && node.has_failed) continue;
      const bool shows_ip = type != EndpointType::kIp;
      const bool shows_hostname = type != EndpointType::kHostname && !node.hostname.empty();
      reply.Array(4);
      type == EndpointType::kUnknown ? reply.Null() : reply.Bulk(node.Endpoint(type));
      reply.Integer(node.port);
      reply.Bulk(view.topology.nodes()[member].public_id);
      reply.Map((shows_ip ? 1 : 0) + (shows_hostname ? 1 : 0));
      if (shows_ip) {
        reply.Bulk("ip");
        reply.Bulk(node.ip);
      }
      if (shows_hostname) {
        reply.Bulk("hostname");
        reply.Bulk(node.hostname);
      }
    }
  }
  return std::string(out.Readable());
}

ClusterState::ClusterState(const ClusterParts& parts)
    : parts_(parts),
      files_(parts.world.files),
      moves_(std::make_unique<SlotMoves>(parts_, *this)),
      watch_(parts_, *this),
      kept_ledger_(*this) {}

ClusterState::~ClusterState() = default;

std::string ClusterState::node_id() const { return view()->self().public_id; }

std::vector<std::string> ClusterState::shard_members() const {
  const std::shared_ptr<const ClusterView> now = view();
  std::vector<std::string> ids;
  for (const size_t member : now->topology.shards()[now->here.shard].members) {
    ids.push_back(now->topology.nodes()[member].public_id);
  }
  return ids;
}

Status ClusterState::Open() {
  if (parts_.options.cluster_enabled == 0) return {};
  if (HasCoordinator(parts_.options)) return OpenElected();
  const std::string path = parts_.options.cluster_config.Get();
  if (path.empty()) return Fail("cluster-enabled yes needs a cluster-config FILE that lists the cluster");
  if (!parts_.options.replicaof.Get().empty()) {
    return Fail("replicaof can't be given with cluster-enabled yes: the cluster-config says who follows whom");
  }
  coordinator_ = std::make_unique<cluster::StaticCoordinator>(files_, path);
  Result<Topology> topology = coordinator_->Fetch();
  if (!topology) return tl::unexpected(topology.error());
  Result<std::shared_ptr<ClusterView>> made = MakeView(std::move(*topology));
  if (!made) return tl::unexpected(made.error());
  Result<SlotLedger> ledger = FirstLedger(**made);
  if (!ledger) return tl::unexpected(ledger.error());
  is_enabled_ = true;
  MutexLock lock(change_mutex_);
  news_[(*made)->id] = NewsOf(parts_.options);
  kept_ledger_.Open(*ledger);
  Install(*made, std::move(*ledger));
  if (!view()->here.is_primary) parts_.replication.WillFollow();
  return {};
}

Result<SlotLedger> ClusterState::FirstLedger(const ClusterView& view) {
  SlotLedger ledger;
  if (files_.Exists(kLedgerPath)) {
    const Result<std::string> text = storage::ReadWhole(files_, kLedgerPath);
    Result<SlotLedger> read = text ? SlotLedger::Parse(*text) : Result<SlotLedger>(tl::unexpected(text.error()));
    if (read) return read;
    return Fail(std::string("cannot use '") + kLedgerPath + "': " + read.error().text +
                "; without it this node would ask the others who owns which slots");
  }
  // A cluster begins with epoch 1. Later another shard may own slots that the topology assigns to this one. With a
  // coordinator it begins with an election of each shard: then all ask one another.
  if (view.topology.epoch() > 1 || HasCoordinator(parts_.options)) return ledger;
  for (const SlotMap::Run& run : view.topology.slots().Runs()) {
    ledger.Give(cluster::SlotsIn({run.range}), view.topology.shards()[run.owner].name);
  }
  // Before anything else happens: without it this node couldn't tell later that it was there from the beginning.
  if (Status written = Write(ledger); !written) return tl::unexpected(written.error());
  return ledger;
}

Result<std::shared_ptr<ClusterView>> ClusterState::MakeView(Topology topology) const {
  const Options& options = parts_.options;
  const Result<std::string> id = FindOwnId(topology, options.cluster_node_id.Get(), PortOfNode(options));
  if (!id) return Fail("cluster-config '" + options.cluster_config.Get() + "' " + id.error().text);
  auto view = std::make_shared<ClusterView>();
  view->topology = std::move(topology);
  view->id = *id;
  view->here = {view->self().shard, view->self().is_primary};
  return view;
}

void ClusterState::Install(std::shared_ptr<ClusterView> view, SlotLedger ledger) {
  view->slots = ledger.OwnersIn(view->topology);
  Describe(*view);
  view->offered_to = SlotMap();
  for (const auto& [shard, offer] : ledger.offers()) {
    const auto to = view->topology.FindShard(shard);
    for (const SlotRange& range : cluster::RangesIn(offer.slots)) view->offered_to.Give(range, to);
  }
  {
    storage::Random random(1);
    storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
    txn.LockAll();
    txn.SetForeignSlots(~view->slots.SlotsOf(view->here.shard));
  }
  Show(std::move(view), std::move(ledger));
}

void ClusterState::Show(std::shared_ptr<ClusterView> view, SlotLedger ledger) {
  const SlotSet offered = ~view->offered_to.SlotsOf(cluster::kNoShard) & ~view->unsent;
  view->served = cluster::ServedSlots(view->here, view->slots, view->held, offered);
  {
    MutexLock lock(mutex_);
    view_ = std::move(view);
    ledger_ = std::move(ledger);
  }
  version_.fetch_add(1);
  parts_.waiting_clients.EndRefused();
}

void ClusterState::Describe(ClusterView& view) const {
  view.shown.clear();
  for (const Node& node : view.topology.nodes()) {
    const auto said = news_.find(node.id);
    const NodeNews news = said == news_.end() ? NodeNews() : said->second;
    const bool is_name = !IsAddress(node.host);
    view.shown.push_back({.ip = news.ip.empty() ? node.host : news.ip,
                          .hostname = news.hostname.empty() && is_name ? node.host : news.hostname,
                          .port = news.port == 0 ? node.port : news.port,
                          .has_failed = news.has_failed});
  }
  view.has_gap = view.CountCovered() < storage::kSlots;
  view.slots_resp2 = SerialiseSlots(view, 2, EndpointType::kIp);
  view.slots_resp3 = SerialiseSlots(view, 3, EndpointType::kIp);
}

void ClusterState::NoteNodes(std::map<std::string, NodeNews> news) {
  MutexLock lock(change_mutex_);
  news_ = std::move(news);
  auto next = std::make_shared<ClusterView>(*view());
  Describe(*next);
  Show(std::move(next), ledger());
}

std::shared_ptr<const ClusterView> ClusterState::view() const {
  MutexLock lock(mutex_);
  return view_;
}

void ClusterState::Start() {
  if (!is_enabled_) return;
  WarnOfHiddenKeys();
  if (coordinator_ != nullptr) TakePlace();
  watch_.Start();
}

void ClusterState::TakePlace() {
  const std::shared_ptr<const ClusterView> now = view();
  cluster::TakePlace(now->topology, now->id, *this);
}

void ClusterState::RaiseEpoch(uint64_t epoch) { parts_.replication.history().RaiseEpoch(epoch); }

void ClusterState::BeginMoves() { moves_->Start(); }

void ClusterState::Lead() {
  parts_.replication.StopFollowing();
  {
    MutexLock lock(change_mutex_);
    NoteLedger(kept_ledger_.Lead(epoch(), LedgerOfData()));
    if (!std::exchange(is_to_lead_, false)) return;
    auto next = std::make_shared<ClusterView>(*view());
    next->held.reset();
    Show(std::move(next), ledger());
  }
  parts_.links.ResumePaused();
}

void ClusterState::Follow(const Node& primary) {
  Replication& replication = parts_.replication;
  const PrimaryAddress followed = replication.link().target();
  if (replication.is_replica() && followed.host == primary.host && followed.port == primary.port) return;
  replication.Follow({primary.host, primary.port});
}

void ClusterState::WarnOfHiddenKeys() {
  if (ledger().strays().any()) return;
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  const uint64_t shown = CountKeys(txn);
  txn.set_shows_foreign(true);
  const uint64_t all = CountKeys(txn);
  if (all <= shown) return;
  parts_.log.Warning("cluster: " + std::to_string(all - shown) +
                     " keys are in slots of other shards; they are kept but hidden");
}

Status ClusterState::Reload() {
  if (coordinator_ == nullptr) return Fail(kElsewhere);
  Result<Topology> topology = coordinator_->Fetch();
  if (!topology) return tl::unexpected(topology.error());
  return TakeTopology(std::move(*topology), nullptr);
}

Status ClusterState::Reload(const std::string& text) {
  if (coordinator_ == nullptr) return Fail(kElsewhere);
  Result<Topology> topology = Topology::Parse(text);
  if (!topology) return tl::unexpected(topology.error());
  return TakeTopology(std::move(*topology), &text);
}

Status ClusterState::TakeTopology(Topology topology, const std::string* text) {
  Result<std::shared_ptr<ClusterView>> next = MakeView(std::move(topology));
  if (!next) return tl::unexpected(next.error());
  const Topology& target = (*next)->topology;
  {
    MutexLock lock(change_mutex_);
    const std::shared_ptr<const ClusterView> before = view();
    const SlotLedger owned = ledger();
    const Status may = CheckNext({before->topology, before->shard_name(), owned}, target, (*next)->id);
    if (!may) return may;
    if (text != nullptr) {
      if (Status published = coordinator_->Publish(*text); !published) return published;
    }
    // Hand-overs in progress continue until their export ends.
    (*next)->held = before->held;
    (*next)->unsent = before->unsent;
    if ((*next)->here.is_primary != before->here.is_primary) {
      kept_ledger_.Await();
      knows_ledger_ = false;
      (*next)->unsent.reset();  // others may have heard of what another primary offers
      is_to_lead_ = (*next)->here.is_primary;
      // All: until the last word of the old primary is known.
      (*next)->held = is_to_lead_ ? ~SlotSet() : SlotSet();
    }
    Install(*next, ledger());
  }
  parts_.log.Notice("cluster: epoch " + std::to_string(target.epoch()));
  TakePlace();
  return {};
}

void ClusterState::Stop() {
  watch_.Stop();
  moves_->Stop();
}

// --- moves ----------------------------------------------------------------------------------------------------------

SlotLedger ClusterState::ledger() const {
  MutexLock lock(mutex_);
  return ledger_;
}

void ClusterState::ChangeView(const std::function<void(ClusterView&)>& change) {
  MutexLock lock(change_mutex_);
  auto next = std::make_shared<ClusterView>(*view());
  change(*next);
  Show(std::move(next), ledger());
}

void ClusterState::Hold(const SlotSet& slots) {
  ChangeView([&](ClusterView& view) { view.held |= slots; });
}

void ClusterState::Release(const SlotSet& slots) {
  ChangeView([&](ClusterView& view) {
    change_mutex_.AssertHeld();
    if (!is_to_lead_) view.held &= ~slots;
  });
}

void ClusterState::SendOffer(const SlotSet& slots) {
  ChangeView([&](ClusterView& view) { view.unsent &= ~slots; });
}

Status ClusterState::PrepareOffer(uint64_t epoch, const SlotSet& slots, const std::string& shard) {
  // Marked first: an offer that is not unsent is answered ASK.
  ChangeView([&](ClusterView& view) { view.unsent |= slots; });
  Status noted = Change(epoch, [&](SlotLedger& ledger) { ledger.MakeOffer(slots, shard, epoch); });
  if (!noted) SendOffer(slots);
  return noted;
}

Status ClusterState::Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes) {
  MutexLock lock(change_mutex_);
  const std::shared_ptr<const ClusterView> now = view();
  if (now->topology.epoch() != epoch) return Fail("the topology has a newer epoch");
  if (!now->here.is_primary && LedgerOfData()) return Fail("this node is a replica");
  if (now->here.is_primary && !kept_ledger_.leads()) return Fail("this node is about to become the primary");
  const Status changed = kept_ledger_.Change(epoch, change, flushes);
  knows_ledger_ = kept_ledger_.is_safe();
  return changed;
}

Status ClusterState::TakeOver(uint64_t epoch, const SlotSet& slots, uint64_t flushes) {
  const std::string own = view()->shard_name();
  const auto take = [&](SlotLedger& ledger) { ledger.TakeOver(slots, own); };
  return Change(epoch, take, flushes);
}

// --- the ledger -----------------------------------------------------------------------------------------------------

bool ClusterState::IsLedgerSafe() {
  MutexLock lock(change_mutex_);
  return knows_ledger_ = kept_ledger_.Settle();
}

bool ClusterState::IsSafe(storage::Lsn last) {
  if (coordinator_ == nullptr) return IsLedTerm() && parts_.replication.quorum_lsn() >= last && IsLedTerm();
  return parts_.replication.quorum_term() == 0 || parts_.replication.quorum_lsn() >= last;
}

bool ClusterState::TakePrimarysLedger() {
  MutexLock lock(change_mutex_);
  const uint64_t version = parts_.data.store().ledger().version();
  if (version != std::exchange(ledger_taken_, version)) {
    std::optional<SlotLedger> of_data = LedgerOfData();
    has_taken_ledger_ = of_data.has_value();
    if (of_data && !view()->here.is_primary) NoteLedger(kept_ledger_.Follow(std::move(*of_data)));
  }
  return has_taken_ledger_;
}

std::optional<SlotLedger> ClusterState::LedgerOfData() {
  const std::string text = parts_.data.store().ledger().Get();
  if (text.empty()) return std::nullopt;
  Result<SlotLedger> ledger = SlotLedger::Parse(text);
  if (ledger) return std::move(*ledger);
  parts_.log.Warning("cluster: the ledger of slots in the data can't be used: " + ledger.error().text);
  return std::nullopt;
}

void ClusterState::NoteLedger(const Status& kept) {
  knows_ledger_ = kept_ledger_.is_safe();
  if (!kept) parts_.log.Warning("cluster: " + kept.error().text);
}

Status ClusterState::Write(const SlotLedger& ledger) {
  if (Status locked = parts_.data.durability().LockDirectory(); !locked) return locked;
  const auto placed = storage::PlaceFile(files_, "", kLedgerPath, ledger.Print(), storage::OpenMode::kReplace);
  return placed ? Status() : Fail(std::string("cannot write '") + kLedgerPath + "': " + placed.error().text);
}

std::optional<storage::Lsn> ClusterState::Append(const SlotLedger& ledger, std::optional<uint64_t> flushes) {
  // A replica whose primary has no ledger in its data keeps what it hears to itself.
  if (!view()->here.is_primary) return appended();
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  txn.LockAll();
  if (flushes && parts_.data.store().flushes() != *flushes) return std::nullopt;
  if (coordinator_ == nullptr && !IsLedTerm()) return std::nullopt;
  txn.Do(storage::LedgerPut{ledger.Print()});
  txn.Unlock();
  return appended();
}

storage::Lsn ClusterState::appended() { return parts_.data.store().log().appended(); }

void ClusterState::Show(const SlotLedger& ledger) {
  change_mutex_.AssertHeld();
  Install(std::make_shared<ClusterView>(*view()), ledger);
}

}  // namespace ringkv::server
