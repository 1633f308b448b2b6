// SPDX-License-Identifier: MIT
#include "cluster/replication/history.h"

#include <algorithm>

#include "cluster/checked_lines.h"
#include "cluster/node_id.h"
#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

constexpr std::string_view kHistoryTitle = "RingKV history 1\n";
constexpr size_t kIdDigits = 40;

}  // namespace

History::History(std::string id) : id_(std::move(id)) {}

void History::Begin(std::string id) {
  id_ = std::move(id);
  earlier_.clear();
}

void History::Fork(std::string id, storage::Lsn last) {
  if (id == id_) return;
  earlier_.push_back({std::move(id_), last});
  id_ = std::move(id);
  if (earlier_.size() > kMostEarlier) earlier_.erase(earlier_.begin());
}

bool History::Holds(std::string_view id, storage::Lsn last, storage::Lsn now) const {
  if (id == id_) return last <= now;
  // An end that lies behind a later one's has been taken back meanwhile, by a crash: the earliest of them counts.
  storage::Lsn end = now;
  for (auto at = earlier_.rbegin(); at != earlier_.rend(); ++at) {
    end = std::min(end, at->last);
    if (at->id == id) return last <= end;
  }
  return false;
}

std::optional<storage::Lsn> History::EndOf(std::string_view id) const {
  for (const Earlier& each : earlier_) {
    if (each.id == id) return each.last;
  }
  return std::nullopt;
}

std::vector<std::string> History::EqualAt(storage::Lsn now) const {
  std::vector<std::string> equal;
  for (auto at = earlier_.rbegin(); at != earlier_.rend() && at->last >= now; ++at) equal.push_back(at->id);
  return equal;
}

std::string History::Print() const {
  std::string text(kHistoryTitle);
  text += "epoch " + std::to_string(epoch_) + "\n";
  if (members_ > 0) text += "members " + std::to_string(members_) + "\n";
  for (const Earlier& each : earlier_) text += "earlier " + each.id + " " + std::to_string(each.last) + "\n";
  return WithChecksum(text + "id " + id_ + "\n");
}

storage::Result<History> History::Parse(std::string_view text) {
  History history{std::string()};
  const auto bad = storage::Fail("it is not a replication history of RingKV, or damaged", storage::ErrorKind::kDamaged);
  CheckedLines lines(text, kHistoryTitle);
  std::string_view rest;
  if (!lines.Take("epoch ", &rest) || !ParseNumber(rest, &history.epoch_)) return bad;
  if (lines.Take("members ", &rest) && !ParseNumber(rest, &history.members_)) return bad;
  while (lines.Take("earlier ", &rest)) {
    if (rest.size() < kIdDigits + 2 || !IsNodeId(rest.substr(0, kIdDigits))) return bad;
    Earlier& each = history.earlier_.emplace_back();
    each.id = rest.substr(0, kIdDigits);
    if (!ParseNumber(rest.substr(kIdDigits + 1), &each.last)) return bad;
  }
  if (!lines.Take("id ", &rest) || !IsNodeId(rest) || !lines.AtEnd()) return bad;
  history.id_ = rest;
  return history;
}

}  // namespace ringkv::cluster
