// SPDX-License-Identifier: MIT
#include "cluster/failover/shard_view.h"

#include <algorithm>

namespace ringkv::cluster {

void ShardView::Reset(const std::vector<EtcdKey>& keys, int64_t revision) {
  found_.clear();
  for (const EtcdKey& key : keys) Put(key);
  revision_ = revision;
  is_known_ = true;
  Read();
}

void ShardView::Apply(const std::vector<EtcdKey>& changes, int64_t revision) {
  for (const EtcdKey& change : changes) {
    if (change.mod_revision > revision_) Put(change);
  }
  revision_ = std::max(revision_, revision);
  Read();
}

void ShardView::Apply(const CommitKeys& commit, int64_t revision) {
  if (revision <= revision_) return;  // the watch was faster, and may have told of what came after it
  for (const CommitKeys::Put& put : commit.puts) Put({put.key, put.value, revision, put.lease});
  for (const std::string& key : commit.deletes) Put({.key = key, .mod_revision = revision, .is_deleted = true});
  Read();
}

void ShardView::Put(const EtcdKey& key) {
  const auto found = found_.find(key.key);
  if (found != found_.end() && found->second.mod_revision >= key.mod_revision) return;
  if (!key.is_deleted) {
    found_.insert_or_assign(key.key, key);
  } else if (found != found_.end()) {
    found_.erase(found);
  }
}

void ShardView::Read() {
  ++version_;
  record_ = ParseShardRecord(ValueOf(keys_.record()));
  lead_ = ParseLead(ValueOf(keys_.lead()));
  handover_ = ParseHandover(ValueOf(keys_.handover()));
  if (handover_ && (!record_ || handover_->after != record_->epoch)) handover_.reset();
  candidates_.clear();
  const std::string prefix = keys_.candidates();
  for (auto at = found_.lower_bound(prefix); at != found_.end() && at->first.starts_with(prefix); ++at) {
    const std::optional<Candidate> candidate = ParseCandidate(at->second.value);
    const bool is_current = candidate && record_ && candidate->after == record_->epoch;
    if (is_current) candidates_.emplace(at->first.substr(prefix.size()), *candidate);
  }
}

std::string_view ShardView::ValueOf(const std::string& key) const {
  const auto found = found_.find(key);
  return found == found_.end() ? std::string_view() : found->second.value;
}

int64_t ShardView::LeaseOf(const std::string& key) const {
  const auto found = found_.find(key);
  return found == found_.end() ? 0 : found->second.lease;
}

int64_t ShardView::RevisionOf(const std::string& key) const {
  const auto found = found_.find(key);
  return found == found_.end() ? 0 : found->second.mod_revision;
}

}  // namespace ringkv::cluster
