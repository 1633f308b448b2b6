// SPDX-License-Identifier: MIT
// A connection to the server that MIGRATE sends keys to. Its replies are lines, in the order of the requests.
//
// Threads: confined, except Interrupt.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "resp/buffer.h"
#include "server/migration/migrate_request.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

class MigrateConnection {
 public:
  // The failed step, as redis-server names it.
  enum class Step : uint8_t { kConnecting, kWriting, kReading };

  // Gives up when `stop` becomes true. On failure sets the step and returns null.
  static std::shared_ptr<MigrateConnection> Open(const MigrateTarget& target, const Outward& outward,
                                                 int64_t timeout_ms, const std::atomic<bool>& stop, Step* failed);
  MigrateConnection(MigrateTarget target, std::unique_ptr<PeerSocket> socket)
      : target_(std::move(target)), socket_(std::move(socket)) {}

  const MigrateTarget& target() const { return target_; }
  // Whether nothing has come, as it should be between two migrations; not if the target has closed the connection.
  bool IsIdle();
  // Authenticates and selects the database, unless that has been done. The error is the target's reply; none if the
  // connection has failed, with the step.
  struct Refusal {
    std::string error;
    Step failed = Step::kReading;
  };
  std::optional<Refusal> Prepare(int64_t db, int64_t timeout_ms);
  bool Send(std::string_view bytes, int64_t timeout_ms) { return socket_->Send(bytes, timeout_ms).has_value(); }
  // The next line; none after the timeout, or if the connection has failed. A timeout of 0 does not wait.
  std::optional<std::string> ReadReply(int64_t timeout_ms);

  void Interrupt() { socket_->Interrupt(); }

 private:
  const MigrateTarget target_;
  const std::unique_ptr<PeerSocket> socket_;
  resp::Buffer received_;
  bool is_authenticated_ = false;
  std::optional<int64_t> db_;  // that is selected
};

}  // namespace ringkv::server
