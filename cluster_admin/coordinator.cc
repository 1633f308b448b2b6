// SPDX-License-Identifier: MIT
#include "cluster_admin/coordinator.h"

#include <utility>

#include "cluster/failover/coordinator_address.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::EtcdAnswer;
using storage::Fail;
using storage::Result;
using Outcome = cluster::EtcdAnswer::Outcome;

constexpr int64_t kDeadlineMs = 2000;
constexpr size_t kRounds = 2;  // of questions to all members

std::string NamesOf(const cluster::CoordinatorAddress& address) {
  std::string names;
  for (const std::string& member : address.members) names += (names.empty() ? "" : ", ") + member;
  return names;
}

}  // namespace

Result<std::unique_ptr<Coordinator>> Coordinator::Open(const CoordinatorOptions& options) {
  if (options.address == "static") {
    return Fail(
        "--coordinator static: such a cluster has its topology in a file, the cluster-config, which status, plan "
        "and others take instead of an address");
  }
  Result<cluster::CoordinatorAddress> address = cluster::ParseCoordinator(options.address);
  if (!address) return Fail("--coordinator " + address.error().text);
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(*address), {.user = options.user,
                                                                            .password = options.password,
                                                                            .ca = options.ca_file,
                                                                            .certificate = options.certificate_file,
                                                                            .key = options.key_file}));
}

Coordinator::Coordinator(cluster::CoordinatorAddress address, etcd::EtcdClient::Access access)
    : cluster_(address.cluster),
      members_(NamesOf(address)),
      count_(address.members.size()),
      client_(std::move(address), std::move(access), kDeadlineMs, [this](uint64_t number, const EtcdAnswer& answer) {
        if (number != last_number_) return;
        answer_ = answer;
        is_answered_ = true;
      }) {}

// The client answers at its deadline at the latest, and goes on with the next member then.
EtcdAnswer Coordinator::AskOnce(const cluster::EtcdRequest& request) {
  is_answered_ = false;
  client_.Begin({++last_number_, request});
  while (!is_answered_) client_.Work(kDeadlineMs);
  return std::move(answer_);
}

Result<EtcdAnswer> Coordinator::Ask(const cluster::EtcdRequest& request) {
  EtcdAnswer answer;
  for (size_t tries = 0; tries < kRounds * count_; ++tries) {
    answer = AskOnce(request);
    if (answer.outcome != Outcome::kUnknown) return answer;
  }
  return Fail("etcd does not answer (" + members_ + "): " + answer.error);
}

Result<bool> Coordinator::Commit(const cluster::CommitKeys& commit) {
  const EtcdAnswer answer = AskOnce(commit);
  if (answer.outcome != Outcome::kUnknown) return answer.outcome == Outcome::kDone;
  return Fail("etcd has not answered whether it has made the change: " + answer.error + "; status shows it");
}

}  // namespace ringkv::cluster_admin
