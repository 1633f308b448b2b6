// SPDX-License-Identifier: MIT
// Says in etcd that this node lives, and where: a key on a lease that outlasts it by some seconds. Nothing is decided
// by it but whom to ask, and who may be struck off.
//
// Times are milliseconds of a steady clock.
// Threads: confined.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "cluster/failover/etcd.h"
#include "cluster/failover/lease_keeper.h"

namespace ringkv::cluster {

class NodePresence {
 public:
  static constexpr int64_t kTtlSeconds = 10;

  // `lasting_key`, unless it is empty, gets the value too, and keeps it.
  NodePresence(std::string key, std::string value, std::string lasting_key = {})
      : key_(std::move(key)), value_(std::move(value)), lasting_key_(std::move(lasting_key)) {
    lease_.Want();
  }

  // What to ask of etcd, one call at a time. Their numbers are not those of others that ask.
  std::optional<EtcdCall> NextCall(int64_t now);
  // The answer to the call under way.
  void Take(const EtcdAnswer& answer, int64_t now);
  // When NextCall has something to ask if nothing happens until then.
  int64_t wake_at() const;

  // The key goes now.
  void Leave() { lease_.Drop(); }
  // etcd knows, or will not hear of it.
  bool has_left() const { return lease_.is_free(); }

 private:
  enum class Question : uint8_t { kNone, kLease, kPut };

  bool lacks_key() const { return lease_.id() != 0 && put_on_ != lease_.id(); }

  const std::string key_;
  const std::string value_;
  const std::string lasting_key_;
  LeaseKeeper lease_{kTtlSeconds};
  int64_t put_on_ = 0;  // the lease that the key is on; 0: none
  int64_t put_at_ = 0;  // not before
  Question asked_ = Question::kNone;
  uint64_t last_number_ = 0;
};

}  // namespace ringkv::cluster
