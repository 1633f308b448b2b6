// SPDX-License-Identifier: MIT
// The process of a node in a simulation, without what it has to do with other nodes: a store with its files, without a
// thread, and what clients do there. Its disk outlives it.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/durability/durability.h"
#include "storage/housekeeping/expiry_job.h"
#include "storage/log/backlog.h"
#include "tests/simulation/client_history.h"
#include "tests/simulation/network.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/seeded_chance.h"

namespace ringkv::test {

// Who is told what clients saw.
class ClientWitness {
 public:
  // A client's write was acknowledged; a client's read was answered.
  virtual void NoteAcknowledged(const std::string& key, uint64_t number) = 0;
  virtual void NoteRead(const std::string& key, Elements seen) = 0;

 protected:
  ~ClientWitness() = default;
};

class StoredNode : public std::enable_shared_from_this<StoredNode> {
 public:
  // A client's write: appends the number to the key.
  void Write(const std::string& key, uint64_t number);
  // A client's read.
  void Read(const std::string& key);
  // Rewrites the log, soon.
  void RewriteLog() { durability_.ScheduleSave(storage::SnapshotReason::kLogRewrite); }
  // Also of keys that are hidden, or have expired.
  Model Contents();
  Elements ElementsOf(const std::string& key);

  int number() const { return number_; }
  bool refuses_writes() const { return durability_.log().has_failed(); }
  // Of changes on their way to the disk or to other nodes.
  size_t queued_bytes() { return store_.log().pending_bytes() + store_.buffers().bytes(); }
  size_t unanswered() const { return pending_.size(); }
  bool has_unanswered() const { return !pending_.empty(); }
  DriftingClock& clock() { return clock_; }

 protected:
  // `shape`: its hash seed, and the longest string, are set here.
  StoredNode(int number, ClientWitness& witness, Network& network, FaultyFileSystem& disk, storage::StoreOptions shape);
  ~StoredNode();

  // Calls the action of this node, unless its process has ended; not while it is stopped.
  template <typename Node>
  void After(int64_t milliseconds, void (Node::*action)()) {
    timeline_.After(milliseconds, [node = weak_from_this(), action] {
      const auto alive = std::static_pointer_cast<Node>(node.lock());
      if (alive == nullptr) return;
      const int64_t rest = alive->network_.stopped_until(alive->number_) - alive->timeline_.now();
      if (rest > 0) return alive->After(rest, action);
      (alive.get()->*action)();
    });
  }
  // Within a transaction.
  template <typename Change>
  void Do(Change&& change) {
    storage::Txn txn(store_, clock_.Now(), random_);
    change(txn);
    StepLogSoon();
  }
  // A change of any kind below 40, of a key that no client watches.
  void ChangeKey(storage::Txn& txn, storage::DbIndex db, const std::string& key, uint64_t kind);
  // From now on the log is kept for others. False if it was.
  bool KeepBacklog();
  // The log writes what was appended, soon.
  void StepLogSoon();
  void WriteLog();
  // Answers what clients have asked for, up to this group.
  void AnswerUpTo(storage::Lsn sure);

  static constexpr int64_t kTimeoutMs = 2000;

  const int number_;
  Network& network_;
  Timeline& timeline_;
  FaultyFileSystem& disk_;
  SeededChance chance_;
  storage::Random random_;
  const int64_t tick_ms_;     // how often it does its housekeeping
  const size_t block_bytes_;  // of the keys that it sends at once: mostly few, so that changes come in between
  DriftingClock clock_;
  storage::Store store_;
  storage::Durability durability_;
  storage::ExpiryJob expiry_{store_};
  storage::Backlog backlog_;

 private:
  struct Pending {
    storage::Lsn lsn;
    std::string key;
    uint64_t number;  // of a write
    Elements seen;    // of a read
  };

  // WriteLog, and what follows from it.
  virtual void StepLog() = 0;
  // Answers clients as far as it may.
  virtual void Answer() = 0;

  ClientWitness& witness_;
  bool keeps_backlog_ = false;
  bool steps_log_ = false;  // is about to

 protected:
  std::vector<Pending> pending_;
};

}  // namespace ringkv::test
