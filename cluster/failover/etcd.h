// SPDX-License-Identifier: MIT
// What is asked of etcd, and what it answers, as values. Whoever asks hands out calls, each with a number, and is told
// of its answer later, or that there was none: then what was asked for may have happened, may happen yet, or may not.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace ringkv::cluster {

// --- requests -------------------------------------------------------------------------------------------------------

struct GrantLease {
  int64_t ttl_seconds = 0;
};
struct KeepLease {
  int64_t lease = 0;
};
struct RevokeLease {
  int64_t lease = 0;
};
// How long it lasts if nobody renews it.
struct LookAtLease {
  int64_t lease = 0;
};
// All keys that begin so, as a majority of etcd has them.
struct ReadKeys {
  std::string prefix;
};
// Their changes from that revision on, until it ends. Each batch is an answer of the same call.
struct WatchKeys {
  std::string prefix;
  int64_t from_revision = 0;
};
// All of it or nothing: if each of the keys was last changed by that revision (0: it is absent).
struct CommitKeys {
  struct Condition {
    std::string key;
    int64_t mod_revision = 0;
  };
  struct Put {
    std::string key;
    std::string value;
    int64_t lease = 0;  // 0: none
  };
  std::vector<Condition> conditions = {};
  std::vector<Put> puts = {};
  std::vector<std::string> deletes = {};
};

using EtcdRequest = std::variant<GrantLease, KeepLease, RevokeLease, LookAtLease, ReadKeys, WatchKeys, CommitKeys>;

struct EtcdCall {
  uint64_t number = 0;
  EtcdRequest request;
};

// --- answers --------------------------------------------------------------------------------------------------------

struct EtcdKey {
  std::string key;
  std::string value = {};
  int64_t mod_revision = 0;
  int64_t lease = 0;
  bool is_deleted = false;  // by that revision
};

struct EtcdAnswer {
  enum class Outcome : uint8_t {
    kDone,
    kRefused,  // certainly not done: a condition is not met, or the lease does not exist
    kUnknown,  // no answer in time. Of a watch: it has ended
  };
  Outcome outcome = Outcome::kUnknown;
  int64_t revision = 0;
  int64_t lease = 0;
  int64_t ttl_seconds = 0;
  std::vector<EtcdKey> keys = {};  // that were read, or have changed
  std::string error = {};
};

}  // namespace ringkv::cluster
