// SPDX-License-Identifier: MIT
// Asks etcd through the JSON gateway of one of its members, over connections that are kept. A call that is not answered
// within its deadline has no answer, and the next one goes to the next member.
//
// Threads: confined, except Wake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/failover/coordinator_address.h"
#include "cluster/failover/etcd.h"

namespace ringkv::etcd {

class EtcdClient {
 public:
  // `call`: its number. Of a watch there are many.
  using OnAnswer = std::function<void(uint64_t call, const cluster::EtcdAnswer& answer)>;

  struct Access {
    std::string user = {};  // empty: none
    std::string password = {};
    // Files, for https. Empty: the certificates of the system, and none of its own.
    std::string ca = {};
    std::string certificate = {};
    std::string key = {};
  };

  EtcdClient(cluster::CoordinatorAddress address, Access access, int64_t deadline_ms, OnAnswer on_answer);
  ~EtcdClient();
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  // A watch ends the one before it, without an answer.
  void Begin(const cluster::EtcdCall& call);
  // Sends, receives and answers for so long at most, or until Wake.
  void Work(int64_t milliseconds);
  // From any thread.
  void Wake();

 private:
  struct Transfer;
  class Library;

  void Start(std::unique_ptr<Transfer> transfer);
  void LogIn();
  void TakeEnded();
  void TakeLines(Transfer& transfer);
  void End(Transfer& transfer, int result);
  void UseNext() { member_ = (member_ + 1) % address_.members.size(); }

  const cluster::CoordinatorAddress address_;
  const Access access_;
  const int64_t deadline_ms_;
  const OnAnswer on_answer_;
  const std::unique_ptr<Library> library_;
  size_t member_ = 0;  // that is asked now
  std::string token_;  // of the user
  bool is_logging_in_ = false;
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

}  // namespace ringkv::etcd
