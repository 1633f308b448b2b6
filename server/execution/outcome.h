// SPDX-License-Identifier: MIT
// How the execution of a request has ended, or what it goes on with. Whoever has requests executed handles each kind:
// std::visit doesn't compile otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "server/execution/proxy_plan.h"
#include "server/execution/reply_stream.h"
#include "storage/base/lsn.h"

namespace ringkv::server {

struct WaitingRequest;

namespace outcome {

// The reply is written.
struct Done {};

// Nothing happened: the request is to be executed again when clients are no longer paused.
struct Postponed {};

// Nothing happened: other nodes are to be asked.
struct Elsewhere {
  std::unique_ptr<ProxyPlan> plan;
};

// The client is among WaitingClients, which will answer.
struct KeyWait {
  std::shared_ptr<const WaitingRequest> request;
  uint64_t nanoseconds = 0;  // that the command has taken so far
};

// The client waits until so many replicas have what it has written.
struct ReplicaWait {
  storage::Lsn lsn = 0;
  size_t replicas = 0;
  int64_t deadline_ms = 0;  // by the steady clock; INT64_MAX: none
};

// The reply is made part by part; with its end the connection ends.
struct Stream {
  std::unique_ptr<ReplyStream> parts;
};

// When all replies have left, the client's socket goes to `take`, with the bytes that were received and not executed.
struct HandOver {
  std::function<void(int descriptor, std::string unread)> take;
};

// The connection ends: when the reply has left, or at once, without another byte.
struct Close {
  bool at_once = false;
};

}  // namespace outcome

// Done at first. A class of its own, so that it can be declared without all of this.
struct Outcome : std::variant<outcome::Done, outcome::Postponed, outcome::Elsewhere, outcome::KeyWait,
                              outcome::ReplicaWait, outcome::Stream, outcome::HandOver, outcome::Close> {
  using variant::variant;
  using variant::operator=;

  bool is_done() const { return index() == 0; }
};

// A visitor made of one function for each kind.
template <typename... Handlers>
struct ForEachOutcome : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
ForEachOutcome(Handlers...) -> ForEachOutcome<Handlers...>;

}  // namespace ringkv::server
