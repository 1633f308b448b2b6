// SPDX-License-Identifier: MIT
// Lets this node answer clients of Sentinel (sentinel-master-name): asks the other nodes of the shard about once a
// second what they are, more often while something changes, and publishes what Sentinel would.
//
// Nothing is decided here, and nobody is promoted: it tells what operators, Sentinel or a coordinator have done.
//
// Threads: one of its own, which waits for no single node; the rest is synchronised.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <optional>
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
  // Another node answers for the shard too.
  void Introduce(const NodeAddress& address);
  // Forgets nodes that are down.
  void Reset();

 private:
  void Run();
  // Rests for the time; false at the end.
  bool Rest(int64_t ms);
  void NoteSelf(int64_t now) REQUIRES(mutex_);
  void AskAll(int64_t now);
  // True while an answer is missing.
  bool TakeAnswers();
  void Tell();
  void Publish(const ShardEvent& event);
  ShardView ViewNow(int64_t now) REQUIRES(mutex_);

  const Parts parts_;
  // Used by the thread only.
  std::map<NodeAddress, PeerQuery> peers_;
  std::optional<ShardView> told_;
  int64_t next_round_ms_ = 0;
  int64_t restless_until_ms_ = 0;  // something has changed, and more may follow

  storage::Mutex mutex_;
  std::condition_variable woken_;
  std::optional<Roster> roster_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> interrupted_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
