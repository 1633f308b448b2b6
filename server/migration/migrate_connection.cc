// SPDX-License-Identifier: MIT
#include "server/migration/migrate_connection.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "resp/request_writer.h"

namespace ringkv::server {

std::shared_ptr<MigrateConnection> MigrateConnection::Open(const MigrateTarget& target, const Outward& outward,
                                                           int64_t timeout_ms, const std::atomic<bool>& stop,
                                                           Step* failed) {
  storage::Result<std::unique_ptr<PeerSocket>> socket =
      PeerSocket::Connect(target.host, target.port, timeout_ms, stop, outward);
  if (socket) return std::make_shared<MigrateConnection>(target, std::move(*socket));
  // redis-server finds out that a connection was refused when it writes.
  const bool was_refused = socket.error().text.ends_with(std::strerror(ECONNREFUSED));
  *failed = was_refused ? Step::kWriting : Step::kConnecting;
  return nullptr;
}

bool MigrateConnection::IsIdle() {
  char byte = 0;
  const storage::Result<size_t> got = socket_->Receive(&byte, 1, 0);
  return received_.empty() && got && *got == 0;
}

std::optional<MigrateConnection::Refusal> MigrateConnection::Prepare(int64_t db, int64_t timeout_ms) {
  std::vector<std::vector<std::string>> commands;
  const bool authenticates = target_.password.has_value() && !is_authenticated_;
  if (authenticates) commands.push_back({"AUTH", *target_.password});
  if (authenticates && !target_.user.empty()) commands.back().insert(commands.back().begin() + 1, target_.user);
  if (db_ != db) commands.push_back({"SELECT", std::to_string(db)});
  std::string requests;
  for (const auto& command : commands) requests += resp::EncodeRequest(command);
  if (!requests.empty() && !Send(requests, timeout_ms)) return Refusal{.error = "", .failed = Step::kWriting};
  std::string first_error;
  for (size_t i = 0; i < commands.size(); ++i) {
    const std::optional<std::string> reply = ReadReply(timeout_ms);
    if (!reply) return Refusal{};
    if (!reply->starts_with('+') && first_error.empty()) first_error = *reply;
  }
  if (!first_error.empty()) return Refusal{.error = first_error};
  is_authenticated_ = true;
  db_ = db;
  return std::nullopt;
}

std::optional<std::string> MigrateConnection::ReadReply(int64_t timeout_ms) {
  constexpr size_t kMostAtOnce = 4096;
  constexpr size_t kLongestLine = 64 * 1024;
  for (;;) {
    const std::string_view readable = received_.Readable();
    const size_t end = readable.find("\r\n");
    if (end != std::string_view::npos) {
      std::string line(readable.substr(0, end));
      received_.Consume(end + 2);
      return line;
    }
    if (readable.size() > kLongestLine) return std::nullopt;
    const storage::Result<size_t> got = socket_->Receive(received_.Prepare(kMostAtOnce), kMostAtOnce, timeout_ms);
    if (!got || *got == 0) return std::nullopt;
    received_.Commit(*got);
  }
}

}  // namespace ringkv::server
