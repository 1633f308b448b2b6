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
  if (!reached_at.empty()) roster_->NoteReached({std::string(reached_at), parts_.own.Announced().port});
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
    roster_->ForgetDown(now);
    event = ResetEvent(ViewNow(now));
  }
  Publish(*event);
}

void ShardWatch::NoteSelf(int64_t now) {
  roster_->set_down_after_ms(parts_.options.sentinel_down_after_milliseconds);
  roster_->NoteSelf(parts_.own.Report(), parts_.own.Announced(), now);
}

ShardView ShardWatch::ViewNow(int64_t now) {
  ShardView view = roster_->View(now);
  if (view.primary.is_self) view.hand_over = parts_.own.hand_over();
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
    const int64_t now = parts_.clock.SteadyMs();
    Tell();
    if (now >= next_round_ms_) {
      AskAll(now);
      asked_ms = now;
      next_round_ms_ = now + (now < restless_until_ms_ ? kRestlessRoundMs : kRoundMs);
    }
    const bool awaits = TakeAnswers();
    goes_on = Rest(awaits && now - asked_ms < kPromptMs ? kPollMs : kTickMs);
  }
}

void ShardWatch::AskAll(int64_t now) {
  std::vector<NodeAddress> wanted;
  NodeAddress self;
  {
    MutexLock lock(mutex_);
    wanted = roster_->Peers();
    self = roster_->self();
  }
  std::erase_if(peers_,
                [&](const auto& each) { return !std::binary_search(wanted.begin(), wanted.end(), each.first); });
  for (const NodeAddress& address : wanted) {
    PeerQuery& peer = peers_.try_emplace(address, address).first->second;
    // To connect may take time, and those that are connected shall not wait for it: the next round tries others.
    const bool has_time = parts_.clock.SteadyMs() - now < kConnectBudgetMs;
    if (peer.is_connected() || has_time) peer.Ask(parts_.options, self, interrupted_, parts_.clock);
    MutexLock lock(mutex_);
    roster_->NoteConnected(address, peer.is_connected());
    roster_->NoteAsked(address, now);
  }
}

bool ShardWatch::TakeAnswers() {
  bool awaits = false;
  for (auto& [address, peer] : peers_) {
    const bool was_connected = peer.is_connected();
    const std::optional<std::string> answer = peer.TakeAnswer();
    awaits = awaits || peer.awaits_answer();
    const int64_t now = parts_.clock.SteadyMs();
    MutexLock lock(mutex_);
    if (answer) {
      roster_->NoteAnswer(address, ReadAnswer(*answer), now);
    } else if (was_connected && !peer.is_connected()) {
      roster_->NoteConnected(address, false);
      restless_until_ms_ = now + kRestlessMs;
    }
  }
  return awaits;
}

void ShardWatch::Tell() {
  const int64_t now = parts_.clock.SteadyMs();
  ShardView view;
  {
    MutexLock lock(mutex_);
    NoteSelf(now);
    view = ViewNow(now);
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
