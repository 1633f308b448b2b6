// SPDX-License-Identifier: MIT
// Lets this node answer clients of Sentinel (sentinel-master-name): asks the other nodes of the shard about once a
// second what they are, more often while something changes, and publishes what Sentinel would.
//
// Nothing is decided here, and nobody is promoted: it tells what operators, Sentinel or a coordinator have done.
//
// Threads: one of its own; the rest is synchronised. It waits for no answer. To connect it waits, about a second of a
// round at most, and for the resolver where a node has a name; meanwhile no answer is taken.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "server/base/client_links.h"
#include "server/config/options.h"
#include "server/observe/log.h"
#include "server/pubsub/broker.h"
#include "server/sentinel/own_state.h"
#include "server/sentinel/peer_query.h"
#include "server/sentinel/roster.h"
#include "server/sentinel/shard_events.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class ShardWatch {
 public:
  // All must outlive the object.
  struct Parts {
    const storage::Clock& clock;
    const Options& options;
    Log& log;
    Broker& broker;
    ClientLinks& links;
    OwnState& own;
  };

  explicit ShardWatch(const Parts& parts) : parts_(parts) {}
  ~ShardWatch() { Stop(); }
  ShardWatch(const ShardWatch&) = delete;
  ShardWatch& operator=(const ShardWatch&) = delete;

  // Does nothing without a sentinel-master-name.
  void Start();
  void Stop();

  // Whether this node answers for a shard of that name.
  bool AnswersFor(std::string_view name) const;
  // `reached_at`: the host at which the client that asks has reached this node; empty if it is not known.
  ShardView View(std::string_view reached_at = {});
  // True from Stop on.
  const std::atomic<bool>& interrupted() const { return interrupted_; }
  // Another node answers for the shard too.
  void Introduce(const NodeAddress& address);
  // Forgets nodes that are down.
  void Reset();

 private:
  void Run();
  // Rests for the time; false at the end.
  bool Rest(int64_t ms);
  void NoteSelf(int64_t now) REQUIRES(mutex_);
  // The time between two questions.
  int64_t RoundMs(int64_t now) const;
  void AskAll(int64_t now);
  void TakeAnswers();
  bool AwaitsAnswers() const;
  void Tell();
  void Publish(const ShardEvent& event);
  ShardView ViewNow(int64_t now) REQUIRES(mutex_);

  const Parts parts_;
  // Used by the thread only.
  std::map<NodeAddress, PeerQuery> peers_;
  std::optional<ShardView> told_;
  NodeAddress tried_last_;  // to connect to
  int64_t next_round_ms_ = 0;
  int64_t restless_until_ms_ = 0;  // something has changed, and more may follow

  storage::Mutex mutex_;
  std::condition_variable woken_;
  std::optional<Roster> roster_ GUARDED_BY(mutex_);
  HandOver hand_over_ GUARDED_BY(mutex_) = HandOver::kNone;  // when this node was noted
  std::string reached_host_ GUARDED_BY(mutex_);              // by a client, lately; for those that say nothing of it
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> interrupted_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
