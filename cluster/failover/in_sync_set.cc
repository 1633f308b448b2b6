// SPDX-License-Identifier: MIT
#include "cluster/failover/in_sync_set.h"

#include <algorithm>

#include "cluster/failover/shard_keys.h"

namespace ringkv::cluster {

using storage::Lsn;

namespace {

void AddOnce(std::vector<std::string>& ids, const std::string& id) {
  if (!IsAmong(ids, id)) ids.push_back(id);
}

// Null: it is not connected.
std::optional<Lsn> AcknowledgedBy(const std::string& id, std::span<const MemberAck> acks) {
  std::optional<Lsn> best;
  for (const MemberAck& ack : acks) {
    if (ack.member == id) best = std::max(best.value_or(0), ack.last);
  }
  return best;
}

}  // namespace

void InSyncSet::Begin(const std::vector<std::string>& confirmed, int64_t now) {
  confirmed_ = confirmed;
  possible_.clear();
  paces_.clear();
  ready_.clear();
  for (const std::string& id : confirmed) {
    // They have to connect first.
    if (id != self_) paces_[id] = {.marked_at = now};
  }
}

void InSyncSet::Confirm(const std::vector<std::string>& confirmed) {
  confirmed_ = confirmed;
  possible_.clear();
  for (auto& [id, pace] : paces_) {
    if (IsConfirmed(id)) pace.is_entering = false;
  }
}

bool InSyncSet::IsConfirmed(const std::string& id) const { return IsAmong(confirmed_, id); }

void InSyncSet::Pace::Note(std::optional<Lsn> acknowledged, Lsn own, int64_t now, int64_t patience_ms) {
  if (acknowledged && *acknowledged >= mark) {
    is_quick = has_mark;
    is_slow = false;
    has_mark = true;
    mark = own;
    marked_at = now;
  } else if (now - marked_at > patience_ms) {
    is_slow = true;
    is_quick = false;
  }
}

void InSyncSet::Update(std::span<const MemberAck> acks, Lsn own, const std::vector<std::string>& members, int64_t now) {
  std::erase_if(paces_, [&](const auto& each) { return !IsAmong(members, each.first) && !IsConfirmed(each.first); });
  ready_.clear();
  for (const std::string& id : members) {
    if (id == self_) continue;
    const std::optional<Lsn> acknowledged = AcknowledgedBy(id, acks);
    Pace& pace = paces_.try_emplace(id, Pace{.marked_at = now}).first->second;
    pace.Note(acknowledged, own, now, limits_.patience_ms);
    if (!IsConfirmed(id) && Enters(pace, acknowledged, own)) ready_.push_back(id);
  }
}

// What was acknowledged before it was required is not above `own` now, and what is acknowledged since it has.
bool InSyncSet::Enters(Pace& pace, std::optional<Lsn> acknowledged, Lsn own) {
  if (!pace.is_quick) {
    pace.is_entering = false;  // if it was proposed, it stays required as a possible one
    return false;
  }
  if (!pace.is_entering) {
    pace.is_entering = true;
    pace.enters_at.reset();
    return false;
  }
  if (!pace.enters_at) pace.enters_at = own;
  return acknowledged && *acknowledged >= *pace.enters_at;
}

std::optional<std::vector<std::string>> InSyncSet::Propose() {
  std::vector<std::string> proposed = confirmed_;
  for (const std::string& id : ready_) AddOnce(proposed, id);
  for (const std::string& id : confirmed_) {
    if (id == self_ || proposed.size() <= limits_.fewest) continue;
    const auto pace = paces_.find(id);
    if (pace == paces_.end() || pace->second.is_slow) std::erase(proposed, id);
  }
  if (proposed == confirmed_) return std::nullopt;
  for (const std::string& id : proposed) AddOnce(possible_, id);
  return proposed;
}

std::vector<std::string> InSyncSet::Required() const {
  std::vector<std::string> required = confirmed_;
  for (const std::string& id : possible_) AddOnce(required, id);
  for (const auto& [id, pace] : paces_) {
    if (pace.is_entering) AddOnce(required, id);
  }
  std::erase(required, self_);
  return required;
}

size_t InSyncSet::CountInPace() const {
  return static_cast<size_t>(std::count_if(confirmed_.begin(), confirmed_.end(), [&](const std::string& id) {
    if (id == self_) return true;
    const auto pace = paces_.find(id);
    return pace != paces_.end() && !pace->second.is_slow;
  }));
}

}  // namespace ringkv::cluster
