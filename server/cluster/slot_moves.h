// SPDX-License-Identifier: MIT
// Brings slots to the owners that the topology gives them: takes over what is to come here, gives to who asks, learns
// from other nodes what has moved between them, settles offers that a crash has left open, and erases what has gone.
//
// Threads: one of its own, which sleeps while there is nothing to do; the rest is guarded.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "server/cluster/slot_export.h"
#include "server/cluster/slot_import.h"

namespace ringkv::server {

struct ClusterView;

class SlotMoves {
 public:
  // Both must outlive the object.
  SlotMoves(Server& server, ClusterState& state) : server_(server), state_(state) {}
  ~SlotMoves() { Stop(); }

  // Looks at the topology again, soon.
  void Start();
  void Stop();

  // Takes over the connection of another shard's primary that asks for slots.
  void Admit(int descriptor, std::shared_ptr<ClientCard> card, PullRequest request);

  // What is under way, as this node knows it.
  struct Progress {
    std::string from;  // shard; empty if it isn't known who has the slots
    std::string to;
    size_t slots_left = 0;
    size_t slots = 0;   // when it began, or this node started
    uint64_t keys = 0;  // that have been sent, or have come, here
    std::string failure;
  };
  std::vector<Progress> progress();

 private:
  struct Visitor {
    int descriptor;
    std::shared_ptr<ClientCard> card;
    PullRequest request;
  };

  void Run();
  // What there is to do now. False if there is nothing left.
  bool Step();
  void ForgetEnded(const ClusterView& view);
  void StartImports(const ClusterView& view);
  void AdmitVisitors(const ClusterView& view);
  // Asks who has to know who owns what is unclear here.
  void AskOthers(const ClusterView& view);
  void AskShard(const ClusterView& view, cluster::ShardIndex shard);
  void Learn(const ClusterView& view, cluster::ShardIndex shard, uint64_t epoch, const cluster::SlotSet& owned);
  // When all others have said what they own: takes what nobody has.
  void TakeUnclaimed(const ClusterView& view);
  // The other shard has told what it owns; `is_final`: it will not take up what was offered to it before.
  void SettleOffer(uint64_t epoch, const std::string& shard, const cluster::SlotSet& owned, bool is_final);
  // Erases for some milliseconds what is left of slots that have gone.
  void EraseStrays(const ClusterView& view);
  void NoteMoves(const ClusterView& view);

  Server& server_;
  ClusterState& state_;

  // The thread's own.
  std::map<std::string, int64_t> next_question_ms_;  // by shard
  std::map<std::string, uint64_t> answered_at_;      // by shard: the epoch of this node when it answered
  std::unique_ptr<storage::SlotEraser> eraser_;
  cluster::SlotSet erasing_;
  int64_t strays_since_ms_ = 0;

  storage::Mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<Visitor> visitors_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SlotImport>> imports_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SlotExport>> exports_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, size_t> totals_ GUARDED_BY(mutex_);  // slots of each move at its begin
  std::atomic<bool> interrupted_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
