// SPDX-License-Identifier: MIT
// The cluster as this node knows it: an immutable view that is replaced as a whole, with the reply to CLUSTER SLOTS
// serialised once per view.
//
// Threads: guarded. A thread that serves clients caches the last view and fetches a new one when the version changes.
#pragma once

#include <atomic>
#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/coordinator.h"
#include "cluster/migration/slot_ledger.h"
#include "cluster/route.h"
#include "cluster/topology.h"
#include "server/base/shard_place.h"
#include "server/cluster/cluster_parts.h"
#include "storage/base/mutex.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

class SlotMoves;

struct ClusterView {
  cluster::Topology topology;
  cluster::ShardRole here;
  cluster::SlotMap slots;       // current owners; the topology has the target
  cluster::SlotSet held;        // requests for these slots wait
  cluster::SlotMap offered_to;  // kNoShard: not offered to anybody
  cluster::SlotSet unsent;      // their offer is in the ledger but not sent yet
  // Slots that this node serves to every client. Two kilobytes; nearly all requests are routed by this bitmap alone.
  std::bitset<storage::kSlots> served;
  std::string id;           // of this node
  std::string slots_resp2;  // the reply to CLUSTER SLOTS
  std::string slots_resp3;

  const cluster::Node& self() const { return *topology.FindNode(id); }
  const std::string& shard_name() const { return topology.shards()[here.shard].name; }
  const cluster::Node& PrimaryOf(cluster::ShardIndex shard) const {
    return topology.nodes()[topology.shards()[shard].primary()];
  }
  cluster::SlotState StateOf(size_t slot) const;
  // Slots that `from` owns now and `to` owns in the topology.
  cluster::SlotSet SlotsOnTheirWay(cluster::ShardIndex from, cluster::ShardIndex to) const {
    return slots.SlotsOf(from) & topology.slots().SlotsOf(to);
  }
};

class ClusterState final : public ShardPlace {
 public:
  // `server` must outlive the object.
  explicit ClusterState(const ClusterParts& parts);
  ~ClusterState() override;

  // Reads the topology and finds this node in it; call before clients are served. Does nothing without cluster-enabled.
  storage::Status Open();
  // Call when the data is loaded.
  void Start();
  // Ends slot migration. Call before the data is closed.
  void Stop();
  bool is_enabled() const override { return is_enabled_; }

  // Installs a topology with a higher epoch: that of the coordinator, or this text, which is published first. Slots
  // with a new owner begin to migrate. After an error nothing has changed.
  storage::Status Reload();
  storage::Status Reload(const std::string& text);

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  std::shared_ptr<const ClusterView> view() const;
  std::string node_id() const override;
  std::vector<std::string> shard_members() const override;
  uint64_t epoch() const override { return is_enabled_ ? view()->topology.epoch() : 0; }
  SlotMoves& moves() { return *moves_; }

  // --- for slot migration; after an error nothing has changed ---
  cluster::SlotLedger ledger() const;
  // Requests for these slots wait from the next view on.
  void Hold(const cluster::SlotSet& slots);
  void Release(const cluster::SlotSet& slots);
  // Records the offer in the ledger; the slots are served here until SendOffer.
  storage::Status PrepareOffer(uint64_t epoch, const cluster::SlotSet& slots, const std::string& shard);
  void SendOffer(const cluster::SlotSet& slots);
  // Changes the ledger, on disk first. Fails if `epoch` is not the topology's current epoch.
  using LedgerChange = std::function<void(cluster::SlotLedger&)>;
  // With `flushes`, fails too if the store was flushed more often than this.
  storage::Status Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes = std::nullopt);
  // Makes this shard the owner of slots whose keys arrived while the store's flush count was `flushes`.
  storage::Status TakeOver(uint64_t epoch, const cluster::SlotSet& slots, uint64_t flushes);

 private:
  // The ledger in the file, or the initial one.
  storage::Result<cluster::SlotLedger> FirstLedger(const ClusterView& view);
  storage::Status WriteLedger(const cluster::SlotLedger& ledger);
  storage::Status TakeTopology(cluster::Topology topology, const std::string* text);
  storage::Result<std::shared_ptr<ClusterView>> MakeView(cluster::Topology topology) const;
  // Becomes the primary of the shard or follows it, as the topology says.
  void TakePlace();
  // Keys of foreign slots, loaded from files of a server outside of this cluster.
  void WarnOfHiddenKeys();
  storage::Result<std::string> FindOwnId(const cluster::Topology& topology) const;
  // Publishes a copy of the view, changed by `change`.
  void ChangeView(const std::function<void(ClusterView&)>& change);
  // Makes the view visible to all threads.
  void Show(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger) REQUIRES(change_mutex_);
  // Derives the view from the ledger and publishes it. Returns false without a change if the store was flushed more
  // often than `flushes`.
  bool Install(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger,
               std::optional<uint64_t> flushes = std::nullopt) REQUIRES(change_mutex_);

  const ClusterParts parts_;
  storage::FileSystem& files_;
  bool is_enabled_ = false;  // immutable once open
  std::unique_ptr<cluster::Coordinator> coordinator_;
  const std::unique_ptr<SlotMoves> moves_;
  std::atomic<uint64_t> version_{0};
  storage::Mutex change_mutex_;  // before all locks of data
  mutable storage::Mutex mutex_;
  std::shared_ptr<const ClusterView> view_ GUARDED_BY(mutex_);
  cluster::SlotLedger ledger_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
