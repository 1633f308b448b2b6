// SPDX-License-Identifier: MIT
// The server's interface to the connections of all threads. The network implements it; tests may count the calls.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/client_card.h"
#include "storage/base/lsn.h"

namespace ringkv::resp {
class Buffer;
class ReplyBuilder;
}  // namespace ringkv::resp

namespace ringkv::storage {
struct Invalidation;
}

namespace ringkv::server {

// The index of a thread without clients.
constexpr size_t kNoThread = SIZE_MAX;

// The reply to a blocked client.
struct LateAnswer {
  std::string reply = {};
  storage::Lsn lsn = 0;  // the last LSN that it depends on
  uint32_t term = 0;     // in which that was assigned, if a majority has to confirm it; see ReplyGate::Hold
  std::optional<std::string> error = {};  // the code, if it is an error; empty: it was counted where it arose
  bool is_accounted = false;     // counts as a call of its command; not if it was refused while blocked, as in Redis
  uint64_t nanoseconds = 0;      // of the retry
  bool ends_connection = false;  // after the reply
  bool is_sent_back = false;     // who can executes the request anew instead, as if it had just come
  // Instead of the other reply, as its client wants it: bytes or a value, which may be long, or above its limit.
  std::shared_ptr<resp::Buffer> long_reply = {};
  bool is_as_wanted = false;  // it is of several commands, and CLIENT REPLY has decided about each of them
  std::shared_ptr<resp::ReplyBuilder> value = {};
};

class ClientLinks {
 public:
  virtual ~ClientLinks() = default;
  // Closes the client's connection asynchronously, in its own thread. Its card is marked as closing before.
  virtual void Close(const ClientCard& card) = 0;
  // Appends a line of MONITOR to the client's output.
  virtual void Push(const ClientCard& card, std::shared_ptr<const std::string> bytes) = 0;
  // Delivers a message to subscribed clients of a thread. `bytes` are RESP2. Called by the thread `from`, which may be
  // kNoThread and may be executing a command of one of the clients.
  virtual void Deliver(size_t from, size_t thread, std::shared_ptr<const std::vector<uint64_t>> clients,
                       std::shared_ptr<const std::string> bytes) = 0;
  // Clients of the thread that keep copies of keys hear that these have changed, behind the replies that they have so
  // far. Called by any thread.
  virtual void Invalidate(size_t thread, std::shared_ptr<const storage::Invalidation> invalidation) = 0;
  // Sends the command to the other reachable nodes of the cluster, or of this node's shard, over the connections of the
  // thread `over`, where it is behind what this client has sent before. Called by the thread `from`, which may be
  // kNoThread.
  virtual void TellNodes(size_t from, size_t over, bool only_own_shard, std::span<const std::string_view> argv) = 0;
  // Resumes commands that waited for the end of a pause, and serves blocked clients that it held back.
  virtual void ResumePaused() = 0;
  // Unblocks the client, like its timeout or with an error.
  virtual void Unblock(const ClientCard& card, bool with_error) = 0;
  // Unblocks the client with the reply, asynchronously in its own thread.
  virtual void Answer(const ClientCard& card, LateAnswer answer) = 0;
  // Replicas have acknowledged more: checks clients in WAIT.
  virtual void ResumeWaiting() = 0;
  static constexpr int64_t kAsLongAsItTakes = INT64_MAX;
  // Returns when every I/O thread has finished its work of the time of the call, also that which takes turns with other
  // work (scripts). False if `give_up` has become true before that, or so many milliseconds have passed.
  virtual bool WaitForRound(const std::atomic<bool>& give_up, int64_t most_ms) = 0;
  // Likewise, for who has something else to do meanwhile: ready when it would return true.
  virtual std::future<void> EndOfRound() = 0;
  // Runs the work in an I/O thread, soon.
  virtual void RunOn(size_t thread, std::function<void()> work) = 0;
  // The safe LSN has advanced, or replies wait for less than before: more of them may be sent.
  virtual void ReleaseReplies() = 0;
  // Listens on other addresses or another port for the Redis protocol; nothing: as before. Port 0: on no TCP port. If
  // one can't be listened on, the log says why, and clients are accepted where they were before.
  virtual bool ListenOn(std::optional<std::string> addresses, std::optional<int64_t> port) = 0;
  // Likewise, for the Redis protocol with TLS.
  virtual bool ListenOnTls(int64_t port) = 0;
  // There is a step of the shutdown to make (server/data/shutdown.h), soon and by the thread that makes them.
  virtual void StepShutdown() = 0;
};

}  // namespace ringkv::server
