// SPDX-License-Identifier: MIT
// The process of a node in a simulation: a store with its files, the history, and the links of replication, without a
// thread. Its disk outlives it.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "cluster/replication/acks.h"
#include "cluster/replication/log_receiver.h"
#include "cluster/replication/quorum.h"
#include "cluster/replication/shard_copy.h"
#include "server/replication/history_keeper.h"
#include "storage/transfer/follower.h"
#include "tests/simulation/stored_node.h"

namespace ringkv::test {

// What a node promised: its log up to there, in that history, survives whatever happens to the process.
struct Promise {
  std::string history;
  storage::Lsn last = 0;
  uint64_t epoch = 0;      // the newest that it was told of: it follows no primary of an older one
  bool is_newest = false;  // the data has been of that history since: a restart must not forget which it is
};

class ReplicatedNode;

class NodeOwner : public ClientWitness {
 public:
  // The process that runs on this node; null if none does.
  virtual std::shared_ptr<ReplicatedNode> Running(int node) = 0;
  // What the data of a node is behind that group of that history.
  virtual void NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) = 0;
  virtual void Violate(int node, const std::string& what) = 0;
  virtual size_t nodes() const = 0;
  // The nodes that have the same data as this one, with it.
  virtual std::vector<size_t> ShardOf(int /*node*/) const {
    std::vector<size_t> all(nodes());
    std::iota(all.begin(), all.end(), size_t{0});
    return all;
  }
  // Whose acknowledgements a write at this node needs; null: those of a majority.
  virtual std::optional<std::vector<std::string>> Required(int /*node*/) { return std::nullopt; }
  // Whether the node may answer clients at this moment.
  virtual bool MayAnswer(int /*node*/) { return true; }

 protected:
  ~NodeOwner() = default;
};

class ReplicatedNode : public StoredNode, private cluster::LogReceiver::Target, private server::HistoryKeeper::DataSet {
 public:
  ReplicatedNode(int number, NodeOwner& owner, Network& network, FaultyFileSystem& disk, Promise& promise,
                 storage::StoreOptions shape = {.databases = 4});
  virtual ~ReplicatedNode();

  // Loads the files.
  storage::Status Start(bool is_primary);
  void Follow(int primary);
  // There is a primary of that epoch, or will be.
  void NoteEpoch(uint64_t epoch) { promise_.epoch = std::max(promise_.epoch, epoch); }
  // Closes the link to the primary.
  void Unfollow();
  // Becomes the primary of this epoch.
  void Promote(uint64_t epoch);
  // A primary is the one of this epoch, too.
  void GoOnAsPrimary(uint64_t epoch);
  // The connections are closed; the others learn of it, unless the machine has gone. This node tries again.
  void Disconnect(bool is_noticed);
  // Accepts a connection.
  void Accept(std::shared_ptr<Wire> wire);

  // A change of any kind, of a key that no client watches.
  void ChangeSomething();

  bool is_primary() const { return is_primary_; }
  // Has the data set of its primary in its files, or is one.
  bool is_whole() const { return is_primary_ || (!history_.is_replacing() && durability_.files_follow()); }
  // Has a part of a snapshot.
  bool is_replacing() const { return history_.is_replacing(); }
  bool follows(int primary) const { return following_ == primary; }
  bool is_streaming() const { return progress_.state == cluster::LogReceiver::State::kStreaming && receiver_; }
  storage::Lsn appended() override { return store_.log().appended(); }
  bool has_log() const { return durability_.log().is_open(); }
  // The last group that outlives the process; 0 if it does not know.
  storage::Lsn secured() const { return has_log() ? durability_.log().durable() : 0; }
  // 0 if it does not know which data it has.
  uint64_t epoch() const { return history_.epoch(); }
  // Whether it still has all that it has ever acknowledged, as far as it knows.
  bool has_all() const { return has_had_all_ || has_caught_up_ || is_primary_; }
  // Whether what it has outlives the process as it says.
  bool is_secured() { return durability_.log().is_open() && history_.IsNamed(); }
  // Of the connections of its replicas.
  std::vector<cluster::MemberAck> Acks() const;

 protected:
  void StepLog() override;
  // Of the shard: whether it has all up to this group, as far as this node has heard.
  bool HasMajority(storage::Lsn last);
  // What a primary says from now on is of this epoch.
  void RaiseEpoch(uint64_t epoch);

 private:
  class Data;
  class Feed;

  void Tick();
  void CheckLsn();
  // Reports what the data is. Costs more than a change.
  void ReportState();
  void SetAuthority(storage::Authority authority);
  void Connect();
  void ConnectIfUnconnected();
  void ConnectLater();
  void Answer() override;
  void CountAcks();

  // --- what the log receiver changes ---
  int64_t timeout_ms() const override { return kTimeoutMs; }
  cluster::History history() override { return history_.history(); }
  uint64_t lowest_epoch() override { return promise_.epoch; }
  void EndTakeover() override {}
  void RejectTakeover(const std::string&) override {}
  storage::Result<cluster::LogReceiver::Applied> Resume(const std::string& history, uint64_t epoch,
                                                        storage::Lsn last) override;
  void WillDrop(storage::Lsn) override {}
  storage::Status BeginSnapshot(std::string_view header) override;
  storage::Result<cluster::LogReceiver::Applied> TakeSection(std::string_view bytes) override;
  storage::Status EndSnapshot(const std::string& history, uint64_t epoch, storage::Lsn last) override;
  storage::Result<cluster::LogReceiver::Applied> TakeFrame(std::string_view bytes) override;
  void Forget() override {
    promise_.is_newest = false;
    copy_.Forget();
  }
  storage::Status Publish(const cluster::PublishedMessage&) override { return {}; }
  storage::Lsn Secure(storage::Lsn last) override;
  void NoteProgress(const cluster::LogReceiver::Progress& progress) override {
    progress_ = progress;
    has_caught_up_ = has_caught_up_ || progress.has_caught_up;
  }

  // --- whose history it is ---
  const storage::LogBuffer& log() override { return store_.log(); }
  bool IsInFiles() const override { return durability_.files_follow(); }
  storage::Status LockDirectory() override { return durability_.LockDirectory(); }
  bool HasGivenEpochs() const override { return true; }
  void Warn(const std::string& line) override;

  NodeOwner& owner_;
  Promise& promise_;
  server::HistoryKeeper history_;
  cluster::Quorum quorum_{history_};
  storage::Follower follower_;
  const std::unique_ptr<Data> data_;
  const std::vector<std::string> members_;  // of the shard
  cluster::ShardCopy copy_;
  cluster::LogReceiver::Progress progress_;
  bool is_primary_ = false;
  bool has_had_all_ = false;    // its files, when it started
  bool has_caught_up_ = false;  // in this life
  storage::Lsn highest_ = 0;
  std::optional<int> following_;
  std::shared_ptr<Port> receiver_;
  std::vector<std::unique_ptr<Feed>> feeds_;
};

}  // namespace ringkv::test
