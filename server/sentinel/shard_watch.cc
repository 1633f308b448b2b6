// SPDX-License-Identifier: MIT
#include "server/sentinel/shard_watch.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using storage::MutexLock;

constexpr int64_t kRoundMs = 1000;
constexpr int64_t kRestlessRoundMs = 100;
constexpr int64_t kRestlessMs = 5000;
constexpr int64_t kTickMs = 50;            // how late a change of this node's own role is noticed, at most
constexpr int64_t kPollMs = 5;             // likewise, an answer of another node
constexpr int64_t kConnectBudgetMs = 500;  // of a round
constexpr int64_t kPromptMs = 100;         // later answers are slow, and no longer looked for so often

// The text of a bulk string; nothing for other replies, such as errors.
std::optional<NodeReport> ReadAnswer(std::string_view reply) {
  if (!reply.starts_with('$')) return std::nullopt;
  const size_t end = reply.find("\r\n");
  return end == std::string_view::npos ? std::nullopt : ParseReport(reply.substr(end + 2));
}

}  // namespace

void ShardWatch::Start() {
  const std::string name = parts_.options.sentinel_master_name.Get();
  if (name.empty() || thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    roster_.emplace(name);
    NoteSelf(parts_.clock.SteadyMs());
  }
  thread_ = std::thread([this] { Run(); });
}

void ShardWatch::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    interrupted_ = true;
    woken_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

// --- for commands ---------------------------------------------------------------------------------------------------

bool ShardWatch::AnswersFor(std::string_view name) const {
  const std::string own = parts_.options.sentinel_master_name.Get();
  return !own.empty() && own == name;
}

ShardView ShardWatch::View(std::string_view reached_at) {
  const int64_t now = parts_.clock.SteadyMs();
  MutexLock lock(mutex_);
  if (!roster_) return {.service = parts_.options.sentinel_master_name.Get()};
  if (!reached_at.empty()) reached_host_ = reached_at;
  NoteSelf(now);
  return ViewNow(now);
}

void ShardWatch::Introduce(const NodeAddress& address) {
  MutexLock lock(mutex_);
  if (roster_) roster_->Introduce(address, parts_.clock.SteadyMs());
}

void ShardWatch::Reset() {
  const int64_t now = parts_.clock.SteadyMs();
  std::optional<ShardEvent> event;
  {
    MutexLock lock(mutex_);
    if (!roster_) return;
    roster_->ForgetDown();
    event = ResetEvent(ViewNow(now));
  }
  Publish(*event);
}

void ShardWatch::NoteSelf(int64_t now) {
  roster_->set_down_after_ms(parts_.options.sentinel_down_after_milliseconds);
  OwnPart own = parts_.own.Now();
  hand_over_ = own.hand_over;
  roster_->NoteSelf(std::move(own.report), parts_.own.Announced(), now);
}

ShardView ShardWatch::ViewNow(int64_t now) {
  ShardView view = roster_->View(now);
  if (view.primary.is_self) view.hand_over = hand_over_;
  view.PlaceSelf(reached_host_);
  return view;
}

// --- the thread -----------------------------------------------------------------------------------------------------

bool ShardWatch::Rest(int64_t ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  MutexLock lock(mutex_);
  while (!stopping_ && mutex_.WaitUntil(woken_, until)) {
  }
  return !stopping_;
}

void ShardWatch::Run() {
  NameThisThread("shard-watch");
  storage::CountMemoryOfThisThread();
  bool goes_on = true;
  int64_t asked_ms = 0;
  while (goes_on) {
    // First: this node may have stalled, and nobody is down who has answered meanwhile.
    TakeAnswers();
    Tell();
    const int64_t now = parts_.clock.SteadyMs();
    if (now >= next_round_ms_) {
      AskAll(now);
      asked_ms = now;
      next_round_ms_ = now + RoundMs(now);
    }
    goes_on = Rest(AwaitsAnswers() && now - asked_ms < kPromptMs ? kPollMs : kTickMs);
  }
}

int64_t ShardWatch::RoundMs(int64_t now) const {
  if (now < restless_until_ms_) return kRestlessRoundMs;
  return std::clamp(parts_.options.sentinel_down_after_milliseconds / 2, kTickMs, kRoundMs);
}

void ShardWatch::AskAll(int64_t now) {
  std::vector<NodeAddress> wanted;
  NodeAddress announced;
  {
    MutexLock lock(mutex_);
    wanted = roster_->Peers();
    announced = roster_->announced();
  }
  std::erase_if(peers_,
                [&](const auto& each) { return !std::binary_search(wanted.begin(), wanted.end(), each.first); });
  // To connect may take time, and those that are connected shall not wait for it: the next round tries others.
  std::rotate(wanted.begin(), std::upper_bound(wanted.begin(), wanted.end(), tried_last_), wanted.end());
  for (const NodeAddress& address : wanted) {
    PeerQuery& peer = peers_.try_emplace(address, address).first->second;
    if (!peer.is_connected()) {
      if (parts_.clock.SteadyMs() - now >= kConnectBudgetMs) continue;
      tried_last_ = address;
    }
    peer.Ask(parts_.options, announced, interrupted_, parts_.clock);
    MutexLock lock(mutex_);
    roster_->NoteConnected(address, peer.is_connected());
    roster_->NoteAsked(address, now);
  }
}

bool ShardWatch::AwaitsAnswers() const {
  return std::any_of(peers_.begin(), peers_.end(), [](const auto& each) { return each.second.awaits_answer(); });
}

void ShardWatch::TakeAnswers() {
  for (auto& [address, peer] : peers_) {
    const bool was_connected = peer.is_connected();
    const std::optional<std::string> answer = peer.TakeAnswer();
    const int64_t now = parts_.clock.SteadyMs();
    MutexLock lock(mutex_);
    if (answer) {
      roster_->NoteAnswer(address, ReadAnswer(*answer), now);
    } else if (was_connected && !peer.is_connected()) {
      roster_->NoteConnected(address, false);
      restless_until_ms_ = now + kRestlessMs;
    }
  }
}

void ShardWatch::Tell() {
  const int64_t now = parts_.clock.SteadyMs();
  ShardView view;
  {
    MutexLock lock(mutex_);
    NoteSelf(now);
    roster_->Judge(now);
    view = ViewNow(now);
    if (told_) {
      // A switch names where this node was, which may have been learnt since.
      told_->PlaceSelf(roster_->self().host);
      told_->PlaceSelf(reached_host_);
    }
  }
  if (!told_) {
    told_ = std::move(view);
    return;
  }
  const std::vector<ShardEvent> events = EventsBetween(*told_, view);
  const bool is_linked =
      view.primary.is_self || std::any_of(view.replicas.begin(), view.replicas.end(),
                                          [](auto& node) { return node.is_self && node.report.is_linked; });
  told_ = std::move(view);
  for (const ShardEvent& event : events) Publish(event);
  if (!events.empty() || !is_linked) {
    if (now >= restless_until_ms_) next_round_ms_ = now;
    restless_until_ms_ = now + kRestlessMs;
  }
}

void ShardWatch::Publish(const ShardEvent& event) {
  parts_.log.Notice("sentinel: " + std::string(event.channel) + " " + event.message);
  parts_.broker.Publish(parts_.links, kNoThread, {.channel = event.channel, .message = event.message});
}

}  // namespace ringkv::server
