// SPDX-License-Identifier: MIT
// The cluster as this node knows it: a view that is replaced as a whole, and the ledger of slots.
//
// Threads: guarded. A thread that serves clients caches the last view and fetches a new one when the version changes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/coordinator.h"
#include "cluster/migration/kept_ledger.h"
#include "cluster/migration/topology_change.h"
#include "server/base/shard_place.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/cluster_view.h"
#include "server/cluster/node_watch_thread.h"
#include "server/cluster/slot_ownership.h"
#include "storage/base/mutex.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

class SlotMoves;

// The reply to CLUSTER SLOTS.
std::string SerialiseSlots(const ClusterView& view, int protocol, EndpointType type);

class ClusterState final : public ShardPlace,
                           public SlotOwnership,
                           private NodeWatchThread::Owner,
                           private cluster::PlaceTaker,
                           private cluster::LedgerKeeper {
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
  // With a coordinator instead: the topology that it has now, and whether this node is the primary of its shard. False:
  // not all of it has been taken up, which is to be tried again soon. After an error nothing has changed.
  storage::Result<bool> TakeElected(const std::string& text, bool leads);

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  std::shared_ptr<const ClusterView> view() const override;
  std::string node_id() const override;
  std::vector<std::string> shard_members() const override;
  uint64_t epoch() const override { return is_enabled_ ? view()->topology.epoch() : 0; }
  // Which address of nodes clients are told.
  EndpointType endpoint_type() const {
    return static_cast<EndpointType>(parts_.options.cluster_preferred_endpoint_type.load());
  }
  // Whether requests with keys are refused, because a slot is not covered (cluster-require-full-coverage).
  bool IsDown(const ClusterView& view) const {
    return view.has_gap && parts_.options.cluster_require_full_coverage != 0;
  }
  SlotMoves& moves() { return *moves_; }

  // --- for slot migration ---
  cluster::SlotLedger ledger() const override;
  void Hold(const cluster::SlotSet& slots) override;
  void Release(const cluster::SlotSet& slots) override;
  storage::Status PrepareOffer(uint64_t epoch, const cluster::SlotSet& slots, const std::string& shard) override;
  void SendOffer(const cluster::SlotSet& slots) override;
  storage::Status Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes) override;
  using SlotOwnership::Change;
  bool IsLedgerSafe() override;
  bool IsSafe(storage::Lsn last) override;
  bool TakePrimarysLedger() override;
  // Whether other shards may be told which slots this one owns.
  bool knows_ledger() const { return knows_ledger_.load(); }
  storage::Status TakeOver(uint64_t epoch, const cluster::SlotSet& slots, uint64_t flushes) override;

 private:
  // The ledger in the file, or the initial one.
  storage::Result<cluster::SlotLedger> FirstLedger(const ClusterView& view);
  // That in the data; none: there is none, or it is damaged.
  std::optional<cluster::SlotLedger> LedgerOfData();

  // --- for the ledger, under change_mutex_ ---
  storage::Status Write(const cluster::SlotLedger& ledger) override;
  std::optional<storage::Lsn> Append(const cluster::SlotLedger& ledger, std::optional<uint64_t> flushes) override;
  storage::Lsn appended() override;
  void Show(const cluster::SlotLedger& ledger) override;
  void NoteLedger(const storage::Status& kept) REQUIRES(change_mutex_);

  // --- with a coordinator (elected_cluster.cc) ---
  storage::Status OpenElected();
  storage::Result<std::shared_ptr<ClusterView>> FirstElectedView();
  storage::Result<std::shared_ptr<ClusterView>> MakeElectedView(cluster::Topology topology, bool leads) const;
  storage::Status CheckElected(const ClusterView& before, const cluster::Topology& next,
                               const cluster::SlotLedger& owned) const REQUIRES(change_mutex_);
  // The node becomes the primary or a replica, or the primary in another term.
  void ChangeRole(ClusterView& next) REQUIRES(change_mutex_);
  // The shard acts by the ledger of this node. False: not yet.
  bool LeadElected() REQUIRES(change_mutex_);
  // The node is the primary in the term in which its view says so.
  bool IsLedTerm() const;
  void KeepTopology(const std::string& text);

  storage::Status TakeTopology(cluster::Topology topology, const std::string* text);
  storage::Result<std::shared_ptr<ClusterView>> MakeView(cluster::Topology topology) const;
  // Becomes the primary of the shard or follows it, as the topology says.
  void TakePlace();
  void RaiseEpoch(uint64_t epoch) override;
  void BeginMoves() override;
  void Lead() override;
  void Follow(const cluster::Node& primary) override;
  // Keys of foreign slots, loaded from files of a server outside of this cluster.
  void WarnOfHiddenKeys();
  void NoteNodes(std::map<std::string, NodeNews> news) override;
  // Derives from what nodes say how they are shown.
  void Describe(ClusterView& view) const REQUIRES(change_mutex_);
  // Publishes a copy of the view, changed by `change`.
  void ChangeView(const std::function<void(ClusterView&)>& change);
  // Makes the view visible to all threads.
  void Show(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger) REQUIRES(change_mutex_);
  // Derives the view from the ledger and publishes it.
  void Install(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger) REQUIRES(change_mutex_);

  const ClusterParts parts_;
  storage::FileSystem& files_;
  bool is_enabled_ = false;  // immutable once open
  std::unique_ptr<cluster::Coordinator> coordinator_;
  const std::unique_ptr<SlotMoves> moves_;
  NodeWatchThread watch_;
  std::atomic<uint64_t> version_{0};
  storage::Mutex change_mutex_;                                     // before all locks of data
  std::map<std::string, NodeNews> news_ GUARDED_BY(change_mutex_);  // by the names of nodes
  cluster::KeptLedger kept_ledger_ GUARDED_BY(change_mutex_);
  // On a replica: the version of the data's ledger that was looked at last, and whether there was one.
  uint64_t ledger_taken_ GUARDED_BY(change_mutex_) = 0;
  bool has_taken_ledger_ GUARDED_BY(change_mutex_) = false;
  std::atomic<bool> knows_ledger_{false};
  bool is_to_lead_ GUARDED_BY(change_mutex_) = false;  // is being promoted: all slots are held
  // With a coordinator.
  std::string elected_id_;                            // set by Open
  std::string known_topology_;                        // that was heard last; used by one thread
  std::atomic<uint32_t> led_term_{0};                 // of replication; 0: the view is a replica's
  bool must_lead_ GUARDED_BY(change_mutex_) = false;  // the ledger is not this epoch's yet
  mutable storage::Mutex mutex_;
  std::shared_ptr<const ClusterView> view_ GUARDED_BY(mutex_);
  cluster::SlotLedger ledger_ GUARDED_BY(mutex_);  // that is shown
};

}  // namespace ringkv::server
