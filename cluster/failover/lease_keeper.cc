// SPDX-License-Identifier: MIT
#include "cluster/failover/lease_keeper.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {
namespace {

constexpr int64_t kAskAgainMs = 50;
constexpr int64_t kLeastMarginMs = 300;

// What clocks of two machines may differ by within a TTL, and what etcd rounds.
int64_t MarginMs(int64_t ttl_ms) { return std::max(ttl_ms / 10, kLeastMarginMs); }

}  // namespace

void LeaseKeeper::Drop() {
  is_wanted_ = false;
  if (id_ != 0) {
    given_back_ = id_;
    ask_at_ = 0;  // now, not when it would have been renewed
  }
  Lose();
}

void LeaseKeeper::Lose() {
  id_ = 0;
  valid_until_ = 0;
}

std::optional<EtcdRequest> LeaseKeeper::Next(int64_t now) {
  if (asked_ != Question::kNone || now < wake_at()) return std::nullopt;
  asked_at_ = now;
  if (given_back_ != 0) {
    asked_ = Question::kRevoke;
    return RevokeLease{given_back_};
  }
  asked_ = id_ == 0 ? Question::kGrant : Question::kKeep;
  if (id_ == 0) return GrantLease{wanted_ttl_};
  return KeepLease{id_};
}

void LeaseKeeper::Take(const EtcdAnswer& answer, int64_t now) {
  const Question asked = std::exchange(asked_, Question::kNone);
  const bool is_done = answer.outcome == EtcdAnswer::Outcome::kDone;
  ask_at_ = now + kAskAgainMs;
  switch (asked) {
    case Question::kNone: return;
    case Question::kRevoke:
      // Without an answer it expires by itself.
      given_back_ = 0;
      ask_at_ = now;
      return;
    case Question::kGrant:
      if (!is_done) return;
      if (!is_wanted_) {
        given_back_ = answer.lease;
        ask_at_ = now;
        return;
      }
      id_ = answer.lease;
      return Renew(answer.ttl_seconds);
    case Question::kKeep:
      if (id_ == 0) {  // it was given back meanwhile
        ask_at_ = now;
        return;
      }
      if (is_done) return Renew(answer.ttl_seconds);
      if (answer.outcome == EtcdAnswer::Outcome::kRefused) Lose();
      return;
  }
}

void LeaseKeeper::Renew(int64_t ttl_seconds) {
  const int64_t ttl_ms = ttl_seconds * 1000;
  valid_until_ = std::max(valid_until_, asked_at_ + ttl_ms - MarginMs(ttl_ms));
  ask_at_ = asked_at_ + ttl_ms / 3;
}

int64_t LeaseKeeper::wake_at() const {
  if (asked_ != Question::kNone) return INT64_MAX;
  return is_wanted_ || given_back_ != 0 ? ask_at_ : INT64_MAX;
}

}  // namespace ringkv::cluster
