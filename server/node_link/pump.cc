// SPDX-License-Identifier: MIT
#include "server/node_link/pump.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace ringkv::server {

using cluster::Link;
using storage::Result;
using storage::Status;

LinkPump::LinkPump(const storage::Clock& clock) : clock_(clock), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

LinkPump::~LinkPump() { ::close(wake_); }

void LinkPump::Remove(const Link& link) {
  std::erase_if(links_, [&](const Pumped& each) { return each.link == &link; });
}

void LinkPump::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

std::vector<LinkPump::Ended> LinkPump::Turn(int64_t until) {
  bool is_busy = false;
  bool rests = false;
  for (Pumped& each : links_) {
    each.going = Work(each);
    is_busy |= each.is_busy();
    rests |= each.next == Link::Next::kRest;
    until = std::min(until, each.is_open ? each.link->wake_at() : each.socket->connects_until());
  }
  if (!ReceiveAll() && !is_busy) {
    Await(until);
    ReceiveAll();
  }
  if (rests) pace_.Rest();
  std::vector<Ended> ended;
  for (Pumped& each : links_) {
    if (!each.going) ended.push_back({each.link, std::move(each.going.error())});
  }
  std::erase_if(links_, [](const Pumped& each) { return !each.going; });
  return ended;
}

Status LinkPump::Work(Pumped& pumped) {
  if (!pumped.is_open) {
    const Result<bool> stands = pumped.socket->GoOn(clock_.SteadyMs());
    if (!stands) return tl::unexpected(stands.error());
    if (!*stands) return {};
    pumped.is_open = true;
    Status opened = pumped.link->Open(clock_.SteadyMs());
    if (opened) opened = SendWaiting(pumped);
    if (!opened) return opened;
  }
  const Result<Link::Next> next = pumped.link->Work(clock_.SteadyMs());
  if (!next) return tl::unexpected(next.error());
  pumped.next = *next;
  return SendWaiting(pumped);
}

Status LinkPump::SendWaiting(Pumped& pumped) {
  for (;;) {
    const std::string_view bytes = pumped.link->ToSend();
    if (bytes.empty()) return {};
    const Result<size_t> sent = pumped.socket->SendSome(bytes);
    if (!sent) return tl::unexpected(sent.error());
    if (*sent == 0) return {};
    pumped.link->Sent(*sent, clock_.SteadyMs());
  }
}

Result<size_t> LinkPump::Receive(Pumped& pumped) {
  const std::span<char> room = pumped.link->Room();
  const Result<size_t> got = pumped.socket->ReceiveSome(room.data(), room.size());
  if (!got || *got == 0) return got;
  const Status taken = pumped.link->Received(*got, clock_.SteadyMs());
  return taken ? got : tl::unexpected(taken.error());
}

bool LinkPump::ReceiveAll() {
  bool has_received = false;
  for (Pumped& each : links_) {
    if (!each.going || !each.is_open) continue;
    const Result<size_t> got = Receive(each);
    if (!got) each.going = tl::unexpected(got.error());
    has_received |= !got || *got > 0;
  }
  return has_received;
}

void LinkPump::Await(int64_t until) {
  waiting_.assign(1, {wake_, POLLIN, 0});
  for (const Pumped& each : links_) each.socket->AddTo(&waiting_, each.is_blocked());
  const int64_t wait_ms = std::clamp<int64_t>(until - clock_.SteadyMs(), 0, INT32_MAX);
  if (::poll(waiting_.data(), waiting_.size(), static_cast<int>(wait_ms)) <= 0) return;
  if (waiting_[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(wake_, &count, sizeof count);
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    if (waiting_[2 + 2 * i].revents != 0) links_[i].socket->ForgetWake();
  }
}

storage::Error Pump(Link& link, PeerSocket& socket, const storage::Clock& clock) {
  LinkPump pump(clock);
  pump.Add(link, socket);
  std::vector<LinkPump::Ended> ended;
  while (ended.empty()) ended = pump.Turn(INT64_MAX);
  return std::move(ended.front().why);
}

}  // namespace ringkv::server
