// SPDX-License-Identifier: MIT
#include "server/sentinel/peer_query.h"

#include <iterator>
#include <vector>

#include "resp/request_writer.h"
#include "server/node_link/handshake.h"
#include "server/node_link/outward.h"

namespace ringkv::server {
namespace {

constexpr int64_t kConnectMs = 500;
constexpr int64_t kRestAfterFailureMs = 100;
// Where nobody refuses the connection it would take kConnectMs each time, and others would wait meanwhile.
constexpr int64_t kRestAfterSilenceMs = 5000;
// Where this node is no guest that is wanted, such as at a redis-server, it does not come back each second.
constexpr int64_t kRestAfterRefusalMs = 10'000;
constexpr size_t kReadBytes = 4096;
constexpr size_t kLongestAnswer = 256 * 1024;

}  // namespace

bool PeerQuery::Connect(const Options& options, const std::atomic<bool>& give_up, const storage::Clock& clock) {
  const int64_t begun = clock.SteadyMs();
  if (begun < not_before_ms_) return false;
  auto connected =
      PeerSocket::Connect(address_.host, static_cast<int>(address_.port), kConnectMs, give_up, ToPrimary(options));
  if (connected) {
    socket_ = std::move(*connected);
    return true;
  }
  const int64_t ended = clock.SteadyMs();
  const bool was_silent = ended - begun >= kConnectMs / 2;
  not_before_ms_ = ended + (was_silent ? kRestAfterSilenceMs : kRestAfterFailureMs);
  return false;
}

bool PeerQuery::IsToMeet(const NodeAddress& announced, int64_t now) const {
  return announced != met_as_ || (!is_met_ && now >= meet_again_ms_);
}

void PeerQuery::NoteMet(const std::string& reply) {
  is_meeting_ = false;
  is_met_ = reply.starts_with("+OK");
  meet_again_ms_ = asked_ms_ + (reply.starts_with("-LOADING") ? 0 : kRestAfterRefusalMs);
}

void PeerQuery::Ask(const Options& options, const NodeAddress& announced, const std::atomic<bool>& give_up,
                    const storage::Clock& clock) {
  const int64_t now = clock.SteadyMs();
  // It hangs, or nothing arrives there: another connection may do better.
  if (awaits_answer() && now - asked_ms_ > options.sentinel_down_after_milliseconds) Close();
  if (awaits_answer()) return;
  std::string requests;
  const auto add = [&](const std::vector<std::string>& words) {
    requests += resp::EncodeRequest(words);
    ++replies_to_come_;
  };
  if (socket_ == nullptr) {
    if (!Connect(options, give_up, clock)) return;
    const std::vector<std::string> authentication = AuthCommand(options);
    if (!authentication.empty()) add(authentication);
    is_met_ = false;
    meet_again_ms_ = 0;
  }
  if (IsToMeet(announced, now)) {
    add({"SENTINEL", "MEET", options.sentinel_master_name.Get(), announced.host, std::to_string(announced.port)});
    met_as_ = announced;
    is_meeting_ = true;
  }
  std::vector<std::string> question{"INFO"};
  question.insert(question.end(), std::begin(kReportedSections), std::end(kReportedSections));
  add(question);
  asked_ms_ = now;
  if (const auto sent = socket_->SendSome(requests); !sent || *sent != requests.size()) Close();
}

std::optional<std::string> PeerQuery::NextReply() {
  while (socket_ != nullptr) {
    size_t size = 0;
    const resp::ReplyScanner::Status found = scanner_.Scan(received_.Readable(), kLongestAnswer, &size);
    if (found == resp::ReplyScanner::Status::kReply) {
      std::string reply(received_.Readable().substr(0, size));
      received_.Consume(size);
      return reply;
    }
    const auto got = found == resp::ReplyScanner::Status::kError
                         ? storage::Result<size_t>(storage::Fail("it does not speak the protocol"))
                         : socket_->Receive(received_.Prepare(kReadBytes), kReadBytes, 0);
    if (!got) {
      Close();
    } else if (*got == 0) {
      return std::nullopt;
    } else {
      received_.Commit(*got);
    }
  }
  return std::nullopt;
}

std::optional<std::string> PeerQuery::TakeAnswer() {
  while (awaits_answer()) {
    std::optional<std::string> reply = NextReply();
    if (!reply) return std::nullopt;
    if (--replies_to_come_ == 0) return reply;
    if (is_meeting_ && replies_to_come_ == 1) NoteMet(*reply);
  }
  return std::nullopt;
}

void PeerQuery::Close() {
  socket_.reset();
  received_.Consume(received_.size());
  scanner_ = {};
  replies_to_come_ = 0;
  is_meeting_ = false;
}

}  // namespace ringkv::server
