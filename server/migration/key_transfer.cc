// SPDX-License-Identifier: MIT
#include "server/migration/key_transfer.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "resp/request_writer.h"
#include "server/cluster/cluster_state.h"
#include "server/execution/execution_parts.h"
#include "storage/rdb/dump_payload.h"

namespace ringkv::server {
namespace {

using Step = MigrateConnection::Step;

class KeyTransfer {
 public:
  KeyTransfer(const ExecutionParts& parts, MigrateConnection& connection, const MigrateRequest& request,
              KeyCopies& copies)
      : parts_(parts), connection_(connection), request_(request), copies_(copies) {}

  TransferResult Run() {
    if (!Prepare() || !SendAll()) return std::move(result_);
    result_.found_none = sent_.empty();
    if (!TakeReplies(request_.timeout_ms)) Fail(Step::kReading);
    return std::move(result_);
  }

 private:
  void Fail(Step step) {
    result_.is_broken = true;
    result_.error = IoError(step);
  }
  void NoteRefusal(std::string_view reply) {
    if (!result_.error.empty()) return;
    result_.error = "ERR Target instance replied with error: ";
    result_.error += reply.substr(reply.starts_with('-') ? 1 : 0);
  }

  bool Prepare() {
    const auto refusal = connection_.Prepare(request_.target_db, request_.timeout_ms);
    if (!refusal) return true;
    refusal->error.empty() ? Fail(refusal->failed) : NoteRefusal(refusal->error);
    return false;
  }

  bool SendAll() {
    while (std::optional<KeyCopy> copy = copies_.Next()) {
      if (!connection_.Send(Encode(*copy), request_.timeout_ms)) {
        Fail(Step::kWriting);
        return false;
      }
      sent_.push_back(std::move(copy->key));
      TakeReplies(0);  // so that the target need not keep them
    }
    return true;
  }

  std::string Encode(const KeyCopy& copy) const {
    const bool expires = copy.expiry != storage::kNoExpiry;
    const std::string ttl = std::to_string(expires ? std::max<int64_t>(copy.expiry - parts_.clock.Now(), 1) : 0);
    const std::string payload = storage::EncodeDumpPayload(copy.kind, copy.packed);
    // In a cluster the target may not own the slot yet.
    const std::string_view name = parts_.cluster.is_enabled() ? "RESTORE-ASKING" : "RESTORE";
    std::vector<std::string_view> words{name, copy.key, ttl, payload};
    if (request_.replaces) words.emplace_back("REPLACE");
    return resp::EncodeRequest(std::span<const std::string_view>(words));
  }

  // False if not all have come in time.
  bool TakeReplies(int64_t timeout_ms) {
    for (; answered_ < sent_.size(); ++answered_) {
      const std::optional<std::string> reply = connection_.ReadReply(timeout_ms);
      if (!reply) return false;
      reply->starts_with('+') ? result_.accepted.push_back(std::move(sent_[answered_])) : NoteRefusal(*reply);
    }
    return true;
  }

  const ExecutionParts& parts_;
  MigrateConnection& connection_;
  const MigrateRequest& request_;
  KeyCopies& copies_;
  std::vector<std::string> sent_;
  size_t answered_ = 0;
  TransferResult result_;
};

}  // namespace

std::string IoError(Step step) {
  switch (step) {
    case Step::kConnecting: return "IOERR error or timeout connecting to the client";
    case Step::kWriting: return "IOERR error or timeout writing to target instance";
    case Step::kReading: break;
  }
  return "IOERR error or timeout reading to target instance";
}

TransferResult TransferKeys(const ExecutionParts& parts, MigrateConnection& connection, const MigrateRequest& request,
                            KeyCopies& copies) {
  return KeyTransfer(parts, connection, request, copies).Run();
}

}  // namespace ringkv::server
