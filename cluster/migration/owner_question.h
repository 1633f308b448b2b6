// SPDX-License-Identifier: MIT
// Asks the primary of a shard once which slots it owns, over a connection that ends with the answer.
//
// Threads: confined to the pump's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/link/handshake.h"
#include "cluster/link/link.h"
#include "cluster/link/question_link.h"
#include "cluster/migration/owned_slots.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class OwnerQuestion final : private QuestionLink::Asker {
 public:
  // `authentication`: AUTH; empty: none. `timeout_ms`: for each reply.
  OwnerQuestion(std::string shard, std::vector<std::string> authentication, int64_t timeout_ms)
      : shard_(std::move(shard)),
        timeout_ms_(timeout_ms),
        link_(*this, std::move(authentication), {"CLUSTER", "OWNED"}) {}
  OwnerQuestion(const OwnerQuestion&) = delete;
  OwnerQuestion& operator=(const OwnerQuestion&) = delete;

  Link& link() { return link_; }
  // Once the link has ended, for this reason: what it was told.
  storage::Result<OwnedSlots> Outcome(const storage::Error& why) const {
    if (!answer_) return tl::unexpected(why);
    return *answer_;
  }

 private:
  int64_t timeout_ms() const override { return timeout_ms_; }
  storage::Status NoteAnswer(std::string_view line, int64_t) override {
    if (storage::Status accepted = CheckNoError("CLUSTER", line); !accepted) return accepted;
    storage::Result<OwnedSlots> owned = ParseOwned(line.starts_with('+') ? line.substr(1) : line);
    if (owned && owned->shard != shard_) owned = storage::Fail("it takes itself for a node of '" + owned->shard + "'");
    answer_ = std::move(owned);
    return storage::Fail("it has answered");
  }
  void NoteRefusal(const std::string&, int64_t) override {}  // the link ends for that reason

  const std::string shard_;
  const int64_t timeout_ms_;
  std::optional<storage::Result<OwnedSlots>> answer_;
  QuestionLink link_;
};

}  // namespace ringkv::cluster
