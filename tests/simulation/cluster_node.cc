// SPDX-License-Identifier: MIT
// The life of a cluster's node, its log, and what clients do there.
#include "tests/simulation/cluster_node.h"

#include <algorithm>
#include <utility>

#include "storage/types/list.h"
#include "tests/simulation/slot_links.h"

namespace ringkv::test {

using cluster::SlotRoute;
using storage::Result;
using storage::Status;

namespace {

storage::StoreOptions ClusterOptionsFor(FaultyFileSystem& disk, storage::Chance& chance) {
  const Result<std::optional<uint64_t>> seed = storage::FindHashSeed(disk, kTestFiles);
  const bool is_known = seed && seed->has_value();
  return {.hash_seed = is_known ? **seed : chance.Next(), .by_slot = true, .longest_string = 1 << 20};
}

}  // namespace

ClusterNode::ClusterNode(int number, ClusterOwner& owner, Network& network, FaultyFileSystem& disk)
    : number_(number),
      owner_(owner),
      network_(network),
      timeline_(network.timeline()),
      disk_(disk),
      chance_(timeline_.random().Next()),
      random_(timeline_.random().Next()),
      tick_ms_(timeline_.Between(20, 1500)),
      clock_(timeline_, timeline_.Between(-5000, 5000), timeline_.Between(-20, 20)),
      store_(ClusterOptionsFor(disk, chance_), clock_),
      durability_(
          store_, disk, clock_,
          {.data = kTestFiles, .log_file_bytes = uint64_t{1} << timeline_.Between(10, 16), .has_threads = false}),
      backlog_(store_.buffers()) {
  SetSmallLimits(store_.type_limits());
  if (timeline_.is_traced()) {
    disk_.set_on_operation([this](std::string_view operation, const std::string& path, size_t bytes) {
      timeline_.Trace(number_, [&] {
        return "disk: " + std::string(operation) + " " + path + (bytes > 0 ? " " + std::to_string(bytes) : "");
      });
    });
  }
  backlog_.SetLimit(size_t{1} << timeline_.Between(8, 16));
  durability_.SetSyncPolicy(storage::SyncPolicy::kAlways);
}

ClusterNode::~ClusterNode() {
  disk_.set_on_operation(nullptr);
  visitors_.clear();
  imports_.clear();
  question_.reset();
  if (keeps_backlog_) [[maybe_unused]]
    const auto last = durability_.log().Detach(&backlog_);
}

Status ClusterNode::Start(TopologyPointer topology) {
  topology_ = std::move(topology);
  here_ = {topology_->FindShard("s" + std::to_string(number_)), true};
  if (Status opened = durability_.Open({}, true, [] { return Status(); }); !opened) return opened;
  const Result<cluster::SlotLedger> ledger = FirstLedger();
  if (!ledger) return tl::unexpected(ledger.error());
  durability_.log().Attach(&backlog_);
  keeps_backlog_ = true;
  timeline_.Note(number_, "starts at epoch " + std::to_string(epoch()) + ", LSN " +
                              std::to_string(store_.log().appended()));
  Show(*ledger, std::nullopt);
  Tick();
  WakeSlots();
  return {};
}

void ClusterNode::After(int64_t milliseconds, void (ClusterNode::*action)()) {
  timeline_.After(milliseconds, [node = weak_from_this(), action] {
    const auto alive = node.lock();
    if (alive == nullptr) return;
    const int64_t rest = alive->network_.stopped_until(alive->number_) - alive->timeline_.now();
    if (rest > 0) return alive->After(rest, action);
    (alive.get()->*action)();
  });
}

void ClusterNode::Tick() {
  if (disk_.is_dead()) return;
  while (!expiry_.Step()) {
  }
  durability_.Tick();
  StepLogSoon();
  After(tick_ms_, &ClusterNode::Tick);
}

void ClusterNode::Disconnect(bool is_noticed) {
  for (const auto& visitor : visitors_) visitor->Disconnect(is_noticed);
  for (const auto& import : imports_) import->Disconnect(is_noticed);
  if (question_ == nullptr || question_->has_ended()) return;
  question_->Close(is_noticed);
  After(0, &ClusterNode::AskNext);
}

void ClusterNode::Accept(const std::shared_ptr<Wire>& wire) {
  visitors_.push_back(std::make_unique<Visitor>(*this, wire));
}

bool ClusterNode::HasOffered(const std::string& shard) const {
  return std::any_of(visitors_.begin(), visitors_.end(), [&](const auto& each) {
    return each->has_offered() && each->shard() == shard && !each->port().has_ended();
  });
}

// --- the log --------------------------------------------------------------------------------------------------------

void ClusterNode::StepLogSoon() {
  if (std::exchange(steps_log_, true)) return;
  After(timeline_.Percent(2) ? timeline_.Between(0, 300) : timeline_.Between(0, 3), &ClusterNode::StepLog);
}

void ClusterNode::StepLog() {
  steps_log_ = false;
  while (durability_.log().Step()) {
  }
  for (const auto& visitor : visitors_) visitor->port().Wake();
  Answer();
}

Status ClusterNode::Secure() {
  storage::LogWriter& log = durability_.log();
  const storage::Lsn last = store_.log().appended();
  while (log.is_open() && log.durable() < last && !log.has_failed()) log.Step();
  return log.is_open() && log.durable() >= last ? Status() : storage::Fail("the disk takes nothing");
}

// --- clients --------------------------------------------------------------------------------------------------------

template <typename Doing>
void ClusterNode::Do(Doing&& doing) {
  storage::Txn txn(store_, clock_.Now(), random_);
  doing(txn);
  StepLogSoon();
}

SlotRoute ClusterNode::Route(size_t slot, bool asks) const {
  return cluster::RouteSlot(StateOf(slot), here_, {.asks = asks});
}

std::optional<int> ClusterNode::Redirection(size_t slot, SlotRoute route) const {
  const cluster::SlotState state = StateOf(slot);
  if (route == SlotRoute::kMoved) return NodeOf(state.owner);
  if (route == SlotRoute::kAsk) return NodeOf(state.offered_to);
  return std::nullopt;
}

void ClusterNode::Write(const std::string& key, uint64_t number) {
  Do([&](storage::Txn& txn) {
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    txn.Do(place, storage::ListPush{std::to_string(number)}, storage::events::kNone);
    txn.Unlock();
  });
  pending_.push_back({store_.log().appended(), key, number, {}});
}

void ClusterNode::Read(const std::string& key) {
  pending_.push_back({store_.log().appended(), key, 0, ElementsOf(key)});
  Answer();
}

void ClusterNode::ChangeSomething(const std::string& key) {
  Do([&](storage::Txn& txn) {
    const uint64_t kind = random_.Below(40);
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    if (kind < 8) {
      if (place) txn.Do(place, storage::Erase{}, storage::events::kNone);
    } else if (kind < 12) {
      const storage::UnixMs expiry = clock_.Now() + static_cast<int64_t>(random_.Below(4000));
      if (place) txn.Do(place, storage::ExpirySet{expiry}, storage::events::kNone);
    } else if (kind < 20) {
      txn.Do(place, storage::StringPut{std::string(random_.Below(kind == 19 ? 5000 : 50), 'v')},
             storage::events::kNone);
    } else {
      if (place && place.entry().type() == storage::ValueType::kString) {
        txn.Do(place, storage::Erase{}, storage::events::kNone);
      }
      ChangeCollection(txn, place, random_);
    }
    txn.Unlock();
  });
}

void ClusterNode::Answer() {
  const storage::Lsn sure = durability_.log().durable();
  const auto first_unsure =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& each) { return each.lsn > sure; });
  for (auto each = pending_.begin(); each != first_unsure; ++each) {
    if (each->number == 0) {
      owner_.NoteRead(each->key, std::move(each->seen));
    } else {
      timeline_.Trace(number_, [&] { return "answers write " + std::to_string(each->number) + " of " + each->key; });
      owner_.NoteAcknowledged(each->key, each->number);
    }
  }
  pending_.erase(pending_.begin(), first_unsure);
}

Model ClusterNode::Contents() {
  constexpr storage::UnixMs kBeforeAnyExpiry = 1;
  storage::Txn txn(store_, kBeforeAnyExpiry, random_);
  txn.set_shows_foreign(true);
  return ContentsOf(store_, txn);
}

Elements ClusterNode::ElementsOf(const std::string& key) {
  Elements elements;
  storage::Txn txn(store_, clock_.Now(), random_);
  txn.LockKey(key);
  if (const storage::Place place = txn.Find(0, key, storage::Intent::kRead)) {
    storage::ListView(&place.entry()).ForEach([&](std::string_view element) {
      elements.push_back(std::stoull(std::string(element)));
    });
  }
  txn.Unlock();
  return elements;
}

}  // namespace ringkv::test
