// SPDX-License-Identifier: MIT
// The cluster as this node knows it: a view for each epoch, swapped whole, with what clients ask again and again
// serialised once.
//
// Threads: guarded; a thread that serves clients keeps the view that it looked at last and asks for a newer one only
// when the version says that there is one.
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
#include "storage/base/mutex.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

class Server;
class SlotMoves;

struct ClusterView {
  cluster::Topology topology;
  cluster::Standing here;
  cluster::SlotMap slots;       // who owns them now; the topology says who is to
  cluster::SlotSet held;        // requests for them wait
  cluster::SlotMap offered_to;  // kNoShard: not offered to anybody
  cluster::SlotSet unsent;      // their offer is written down, and has not left
  // The slots that are served here whoever asks, in two kilobytes: nearly all requests are looked up in nothing else.
  std::bitset<storage::kSlots> served;
  std::string id;           // of this node
  std::string slots_resp2;  // what CLUSTER SLOTS answers
  std::string slots_resp3;

  const cluster::Node& self() const { return *topology.FindNode(id); }
  const std::string& shard_name() const { return topology.shards()[here.shard].name; }
  const cluster::Node& PrimaryOf(cluster::ShardIndex shard) const {
    return topology.nodes()[topology.shards()[shard].primary()];
  }
  cluster::SlotState StateOf(size_t slot) const;
  // What `from` has and `to` is to have.
  cluster::SlotSet SlotsOnTheirWay(cluster::ShardIndex from, cluster::ShardIndex to) const {
    return slots.SlotsOf(from) & topology.slots().SlotsOf(to);
  }
};

class ClusterState {
 public:
  // `server` must outlive the object.
  explicit ClusterState(Server& server);
  ~ClusterState();

  // Reads the topology and finds this node in it; before clients are served. Does nothing without cluster-enabled.
  storage::Status Open();
  // When the data is there.
  void Start();
  // Ends what moves slots. Before the data is closed.
  void Stop();
  bool is_enabled() const { return is_enabled_; }

  // Takes over a topology with a higher epoch: the one that is there to be had, or this text, which takes its place.
  // Slots that are to have another owner begin to move. An error says why that can't be; nothing has changed then.
  storage::Status Reload();
  storage::Status Reload(const std::string& text);

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  std::shared_ptr<const ClusterView> view() const;
  uint64_t epoch() const { return is_enabled_ ? view()->topology.epoch() : 0; }
  SlotMoves& moves() { return *moves_; }

  // --- for who moves slots; what an error says has not happened ---
  cluster::SlotLedger ledger() const;
  // Requests for these slots wait, from the next look at the view on.
  void Hold(const cluster::SlotSet& slots);
  void Release(const cluster::SlotSet& slots);
  // Writes down that the slots will be offered; they are served here until SendOffer says that they are.
  storage::Status PrepareOffer(uint64_t epoch, const cluster::SlotSet& slots, const std::string& shard);
  void SendOffer(const cluster::SlotSet& slots);
  // Changes the ledger, on the disk first. `epoch`: fails if the topology has another one by now.
  using LedgerChange = std::function<void(cluster::SlotLedger&)>;
  // `flushes`: fails too if the store was emptied more often than this.
  storage::Status Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes = std::nullopt);
  // Makes slots this shard's, whose keys have come while the store had been emptied `flushes` times.
  storage::Status TakeOver(uint64_t epoch, const cluster::SlotSet& slots, uint64_t flushes);

 private:
  // The one in the file, or the one that a node begins with.
  storage::Result<cluster::SlotLedger> FirstLedger(const ClusterView& view);
  storage::Status WriteLedger(const cluster::SlotLedger& ledger);
  storage::Status TakeTopology(cluster::Topology topology, const std::string* text);
  storage::Result<std::shared_ptr<ClusterView>> MakeView(cluster::Topology topology) const;
  // Leads the shard or follows who does, as the topology says.
  void TakePlace();
  // That the data came with, from a server that was no part of this cluster.
  void WarnOfHiddenKeys();
  storage::Result<std::string> FindOwnId(const cluster::Topology& topology) const;
  // Shows a view with what `change` does to what requests are held for, or answered for.
  void ChangeView(const std::function<void(ClusterView&)>& change);
  // To everybody.
  void Show(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger) REQUIRES(change_mutex_);
  // Lets the view say what the ledger says, and shows it to everybody.
  // False, and nothing happens, if the store has been emptied more often than `flushes`.
  bool Install(std::shared_ptr<ClusterView> view, cluster::SlotLedger ledger,
               std::optional<uint64_t> flushes = std::nullopt) REQUIRES(change_mutex_);

  Server& server_;
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
