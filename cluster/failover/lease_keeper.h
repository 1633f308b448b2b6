// SPDX-License-Identifier: MIT
// Keeps a lease of etcd, and knows until when its holder may count on it: what hangs on the lease is there at least
// until then, whatever happens to the holder, to etcd and to what connects them.
//
// Times are milliseconds of a steady clock.
// Threads: confined.
#pragma once

#include <cstdint>
#include <optional>

#include "cluster/failover/etcd.h"

namespace ringkv::cluster {

class LeaseKeeper {
 public:
  explicit LeaseKeeper(int64_t ttl_seconds) : wanted_ttl_(ttl_seconds) {}

  // Gets a lease and keeps it, from now on.
  void Want() { is_wanted_ = true; }
  // Gives it back. Nobody may count on it from now on.
  void Drop();

  // Has none, and nothing is under way.
  bool is_free() const { return id_ == 0 && given_back_ == 0 && asked_ == Question::kNone; }

  // 0: there is none.
  int64_t id() const { return id_; }
  // Before that, nobody else can take it for expired; 0: it can't be counted on. etcd counts from the moment at which
  // it hears of it, so this counts from the moment before it was sent, less what two clocks may differ by.
  int64_t valid_until() const { return valid_until_; }

  // What to ask now, one question at a time. Its answer is to be given to Take, before anything else is asked.
  std::optional<EtcdRequest> Next(int64_t now);
  void Take(const EtcdAnswer& answer, int64_t now);
  // When Next has something to ask if nothing happens until then.
  int64_t wake_at() const;

 private:
  enum class Question : uint8_t { kNone, kGrant, kKeep, kRevoke };

  void Renew(int64_t ttl_seconds);
  void Lose();

  const int64_t wanted_ttl_;
  bool is_wanted_ = false;
  int64_t id_ = 0;
  int64_t given_back_ = 0;  // a lease that etcd is to forget
  int64_t valid_until_ = 0;
  Question asked_ = Question::kNone;
  int64_t asked_at_ = 0;
  int64_t ask_at_ = 0;
};

}  // namespace ringkv::cluster
