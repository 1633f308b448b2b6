// SPDX-License-Identifier: MIT
#include "cluster/failover/node_presence.h"

#include <algorithm>

namespace ringkv::cluster {
namespace {

constexpr int64_t kPutAgainMs = 500;

}  // namespace

std::optional<EtcdCall> NodePresence::NextCall(int64_t now) {
  if (asked_ != Question::kNone) return std::nullopt;
  if (std::optional<EtcdRequest> question = lease_.Next(now)) {
    asked_ = Question::kLease;
    return EtcdCall{++last_number_, std::move(*question)};
  }
  if (!lacks_key() || now < put_at_) return std::nullopt;
  asked_ = Question::kPut;
  put_on_ = lease_.id();
  CommitKeys commit{.puts = {{key_, value_, put_on_}}};
  if (!lasting_key_.empty()) commit.puts.push_back({lasting_key_, value_});
  return EtcdCall{++last_number_, std::move(commit)};
}

void NodePresence::Take(const EtcdAnswer& answer, int64_t now) {
  const Question asked = std::exchange(asked_, Question::kNone);
  if (asked == Question::kLease) return lease_.Take(answer, now);
  if (answer.outcome == EtcdAnswer::Outcome::kDone) return;
  // A lease that does not exist is found out by its next renewal.
  put_on_ = 0;
  put_at_ = now + kPutAgainMs;
}

int64_t NodePresence::wake_at() const {
  if (asked_ != Question::kNone) return INT64_MAX;
  return lacks_key() ? std::min(put_at_, lease_.wake_at()) : lease_.wake_at();
}

}  // namespace ringkv::cluster
