// SPDX-License-Identifier: MIT
#include "cluster/watch/node_watch.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace ringkv::cluster {
namespace {

constexpr int64_t kLongestRoundMs = 1000;
constexpr int64_t kShortestRoundMs = 50;

// Whether the error says who may ask, not how the node is.
bool IsAboutAccess(std::string_view error) {
  constexpr std::string_view kWords[] = {"NOAUTH", "WRONGPASS", "NOPERM"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](auto word) { return error.starts_with(word); });
}

}  // namespace

// --- all nodes ------------------------------------------------------------------------------------------------------

void NodeWatch::Watch(const std::vector<Address>& nodes, int64_t now) {
  std::erase_if(peers_, [&](const auto& peer) {
    return std::find(nodes.begin(), nodes.end(), peer.second->address()) == nodes.end();
  });
  for (const Address& each : nodes) {
    if (peers_.contains(each.name)) continue;
    peers_[each.name] = std::make_unique<Peer>(owner_, each, now);
    round_at_ms_ = now;
  }
}

void NodeWatch::Work(int64_t now) {
  if (now >= round_at_ms_) {
    round_at_ms_ = now + std::clamp<int64_t>(owner_.timeout_ms() / 4, kShortestRoundMs, kLongestRoundMs);
    for (auto& [name, peer] : peers_) peer->Ask(now);
  }
  for (auto& [name, peer] : peers_) peer->Judge(now);
}

int64_t NodeWatch::wake_at() const {
  int64_t next = round_at_ms_;
  for (const auto& [name, peer] : peers_) next = std::min(next, peer->fails_at());
  return next;
}

void NodeWatch::NoteEnd(Link& link, const storage::Error& why) {
  for (auto& [name, peer] : peers_) {
    if (peer->NoteEnd(link, why)) return;
  }
}

std::map<std::string, NodeNews> NodeWatch::news() const {
  std::map<std::string, NodeNews> all;
  for (const auto& [name, peer] : peers_) all[name] = peer->news();
  return all;
}

// --- one of them ----------------------------------------------------------------------------------------------------

NodeWatch::Peer::Peer(Owner& owner, Address address, int64_t now) : owner_(owner), address_(std::move(address)) {
  silence_.Begin(now);
}

NodeWatch::Peer::~Peer() {
  if (link_ != nullptr) owner_.Close(*link_);
}

void NodeWatch::Peer::Ask(int64_t now) {
  if (link_ != nullptr) return link_->Ask(now);
  QuestionLink::Asker& asker = *this;
  link_ =
      std::make_unique<QuestionLink>(asker, owner_.authentication(), std::vector<std::string>{"CLUSTER", "ANNOUNCED"});
  owner_.Connect(address_, *link_);
}

void NodeWatch::Peer::Judge(int64_t now) {
  const bool has_failed = silence_.HasLasted(owner_.timeout_ms(), now);
  if (std::exchange(news_.has_failed, has_failed) != has_failed) owner_.NoteFailure(address_.name, has_failed, ended_);
}

int64_t NodeWatch::Peer::fails_at() const {
  return news_.has_failed ? INT64_MAX : silence_.ends_at(owner_.timeout_ms());
}

bool NodeWatch::Peer::NoteEnd(const Link& link, const storage::Error& why) {
  if (link_.get() != &link) return false;
  link_.reset();
  ended_ = why.text;
  return true;
}

storage::Status NodeWatch::Peer::NoteAnswer(std::string_view line, int64_t now) {
  constexpr size_t kQuoted = 60;
  const bool is_error = line.starts_with('-');
  std::optional<NodeNews> news = ParseNews(line);
  if (!is_error && !news) return storage::Fail("it answers '" + std::string(line.substr(0, kQuoted)) + "'");
  NoteSign(now);
  const std::string error(is_error ? line.substr(1) : "");
  if (IsNewError(error)) {
    IsAboutAccess(error) ? owner_.NoteRefusal(address_.name, error) : owner_.NoteError(address_.name, error);
  }
  if (news) {
    news->has_failed = news_.has_failed;
    news_ = std::move(*news);
  }
  return {};
}

void NodeWatch::Peer::NoteRefusal(const std::string& why, int64_t now) {
  NoteSign(now);
  if (IsNewError(why)) owner_.NoteRefusal(address_.name, why);
}

void NodeWatch::Peer::NoteSign(int64_t now) {
  silence_.Begin(now);
  ended_.clear();
}

bool NodeWatch::Peer::IsNewError(const std::string& error) {
  return std::exchange(error_, error) != error && !error.empty();
}

}  // namespace ringkv::cluster
