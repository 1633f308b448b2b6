// SPDX-License-Identifier: MIT
// The outcome of an execution. Callers visit it: std::visit compiles only if each kind is handled.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "server/execution/proxy_plan.h"
#include "server/execution/reply_stream.h"
#include "storage/base/lsn.h"
#include "transport/channel.h"

namespace ringkv::server {

struct CommandEntry;
struct LentInput;
struct WaitingRequest;

namespace outcome {

// The reply is written.
struct Done {};

// The reply is written: an error that sends the client to the node which serves the keys (MOVED, ASK).
struct Redirected {};

// Nothing happened: execute the request again when clients are no longer paused, or what others hold is free.
struct Postponed {
  bool is_blocked = false;  // to others: a state of the server keeps it back, rather than a command that runs
};

// Nothing happened: the plan says which nodes to ask.
struct Elsewhere {
  std::unique_ptr<ProxyPlan> plan;
};

// The client is blocked; WaitingClients will answer.
struct KeyWait {
  std::shared_ptr<const WaitingRequest> request;
  uint64_t nanoseconds = 0;  // time of the command so far
};

// The client is blocked until ClientLinks::Answer: others do the work. CLIENT UNBLOCK has no effect.
struct LateReply {
  std::shared_ptr<const WaitingRequest> request = {};  // set when the handler has returned
  uint64_t nanoseconds = 0;                            // time of the command so far
  bool uses_session = false;  // the session must live until the answer, even if the client goes
  std::string begun = {};     // what is written of the reply; set by the connection
  uint32_t begun_term = 0;    // in which that was written, as in LateAnswer
  bool is_running = false;    // on a thread for long work, which accounts for it: the client is not blocked
  // Of what runs: whoever has the bytes of the request puts them here, where they stay until it has ended. May be null.
  std::shared_ptr<LentInput> input = {};
};

// The client waits until this number of replicas has its writes (WAIT), or of disks (WAITAOF).
struct ReplicaWait {
  storage::Lsn lsn = 0;
  size_t replicas = 0;
  bool is_for_disks = false;
  size_t local = 0;         // disks of this server
  int64_t deadline_ms = 0;  // by the steady clock; INT64_MAX: none
  const CommandEntry* command = nullptr;
  uint64_t nanoseconds = 0;  // time of the command so far
};

// The reply is streamed in parts.
struct Stream {
  std::unique_ptr<ReplyStream> parts;
  bool is_last = true;  // the connection closes at its end
};

// When all replies are sent, the client's channel is passed to `take`, with the bytes received but not executed.
struct HandOver {
  std::function<void(transport::Channel channel, std::string unread)> take;
};

// The connection closes: after the reply, or at once without another byte.
struct Close {
  bool at_once = false;
};

}  // namespace outcome

// Initially Done. A class, so that it can be forward declared.
struct Outcome
    : std::variant<outcome::Done, outcome::Redirected, outcome::Postponed, outcome::Elsewhere, outcome::KeyWait,
                   outcome::LateReply, outcome::ReplicaWait, outcome::Stream, outcome::HandOver, outcome::Close> {
  using variant::variant;
  using variant::operator=;

  bool is_done() const { return index() == 0; }
};

// A visitor of one function per kind.
template <typename... Handlers>
struct ForEachOutcome : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
ForEachOutcome(Handlers...) -> ForEachOutcome<Handlers...>;

}  // namespace ringkv::server
