// SPDX-License-Identifier: MIT
#include "server/replication/client_relay.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cluster/link/link_words.h"
#include "resp/request_writer.h"
#include "server/command/error_replies.h"
#include "server/node_link/handshake.h"
#include "server/node_link/outward.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::MutexLock;
using storage::Result;
using storage::Status;

namespace {

constexpr int64_t kConnectMs = 1000;
constexpr int64_t kAgreeMs = 3000;    // until the node must be the primary, and have agreed
constexpr int64_t kAskAgainMs = 2;    // while it is not the primary yet
constexpr int64_t kLetGoMs = 10'000;  // after the end of its time, the node has to have replied
constexpr int64_t kStopMs = 2000;     // likewise when this server ends
constexpr int64_t kLateMs = 3000;     // the least time of a client whose earlier replies were long to send
constexpr int64_t kLongestWaitMs = 100;
constexpr int kMostRounds = 16;  // of one client, before the others come
constexpr size_t kReadBytes = size_t{16} * 1024;
constexpr uint64_t kNever = UINT64_MAX;

}  // namespace

struct ClientRelay::Relayed {
  Relayed(transport::Channel channel, std::shared_ptr<ClientCard> card_in, cluster::RelayedClient::Opening opening,
          PrimaryAddress primary_in, int64_t now, int64_t end, uint64_t ends_in)
      : client(std::move(channel)),
        card(std::move(card_in)),
        state(std::move(opening)),
        primary(std::move(primary_in)),
        began_ms(now),
        end_ms(end),
        ends(ends_in) {}

  PeerSocket client;
  std::shared_ptr<ClientCard> card;
  cluster::RelayedClient state;
  PrimaryAddress primary;
  std::unique_ptr<PeerSocket> node;  // to it; null: not begun
  bool is_connected = false;
  int64_t began_ms;
  int64_t end_ms;  // of its time
  uint64_t ends;   // of the relay when it came
  int64_t ends_since_ms = 0;
  bool has_told_end = false;  // the node that nothing will follow
  int64_t ask_again_ms = 0;
  bool is_due = true;  // there is something to pass on
  // Of what is polled: the first and the number of its sockets.
  size_t polled_at = 0;
  size_t polled = 0;
};

ClientRelay::ClientRelay(const ReplicationParts& parts)
    : parts_(parts), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

ClientRelay::~ClientRelay() {
  Stop();
  ::close(wake_);
}

// --- who is relayed -------------------------------------------------------------------------------------------------

void ClientRelay::Open(PrimaryAddress primary) {
  const int64_t now = parts_.world.clock.SteadyMs();
  {
    MutexLock lock(mutex_);
    primary_ = std::move(primary);
  }
  opened_ms_ = now;
  until_ms_ = now + parts_.options.failover_forward_time * 1000;
}

cluster::RelayedClient::Opening ClientRelay::OpeningOf(const Client& client, const PrimaryAddress& primary) const {
  cluster::RelayedClient::Opening opening{.requests = client.requests, .answered = client.answered};
  const auto ask = [&](const std::vector<std::string>& words) {
    opening.introduction += resp::EncodeRequest(words);
    ++opening.introductions;
  };
  if (const std::vector<std::string> auth = AuthCommand(parts_.options); !auth.empty()) ask(auth);
  if (!primary.id.empty()) ask({"REPLCONF", std::string(cluster::kNodeOption), primary.id});
  if (client.protocol == 3) ask({"HELLO", "3"});
  if (client.db != 0) ask({"SELECT", std::to_string(client.db)});
  const ClientCard& card = *client.card;
  if (const std::string name = card.name.Get(); !name.empty()) ask({"CLIENT", "SETNAME", name});
  const auto inform = [&](const char* what, const std::string& text) {
    if (!text.empty()) ask({"CLIENT", "SETINFO", what, text});
  };
  inform("LIB-NAME", card.library_name.Get());
  inform("LIB-VER", card.library_version.Get());
  if (card.no_evict) ask({"CLIENT", "NO-EVICT", "ON"});
  if (card.no_touch) ask({"CLIENT", "NO-TOUCH", "ON"});
  const std::string_view option = client.is_proven ? cluster::kRelayOption : cluster::kUnprovenRelayOption;
  ask({"REPLCONF", std::string(option), client.user});
  return opening;
}

void ClientRelay::Take(transport::Channel channel, Client client) {
  const int64_t now = parts_.world.clock.SteadyMs();
  MutexLock lock(mutex_);
  cluster::RelayedClient::Opening opening = OpeningOf(client, primary_);
  if (stopping_) return parts_.clients.Remove(client.card->id);
  // Shut meanwhile: it is refused, as one whose time came before.
  const bool is_shut = until_ms_ == 0;
  const int64_t end_ms = std::max(until_ms_.load(), now + kLateMs);
  new_.push_back(std::make_unique<Relayed>(std::move(channel), std::move(client.card), std::move(opening), primary_,
                                           now, end_ms, is_shut ? kNever : ends_.load()));
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void ClientRelay::Stop() {
  std::thread ending;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    ending = std::move(thread_);
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
  if (ending.joinable()) ending.join();
}

// --- the thread -----------------------------------------------------------------------------------------------------

void ClientRelay::Run() {
  NameThisThread("client-relay");
  storage::CountMemoryOfThisThread();
  while (!stopping_) ServeAll();
  const int64_t end_ms = parts_.world.clock.SteadyMs() + kStopMs;
  TakeNew();
  while (!clients_.empty() && parts_.world.clock.SteadyMs() < end_ms) ServeAll();
  for (const auto& each : clients_) parts_.clients.Remove(each->card->id);
  clients_.clear();
}

void ClientRelay::ServeAll() {
  TakeNew();
  const int64_t now = parts_.world.clock.SteadyMs();
  const bool looks_at_all = now >= looks_at_all_ms_ || stopping_;
  if (looks_at_all) looks_at_all_ms_ = now + kLongestWaitMs;
  for (auto each = clients_.begin(); each != clients_.end();) {
    Relayed& relayed = **each;
    const bool is_due = relayed.is_due || (relayed.ask_again_ms != 0 && now >= relayed.ask_again_ms);
    const bool goes_on = !relayed.card->is_closing && ((!is_due && !looks_at_all) || Serve(relayed, now));
    if (!goes_on) parts_.clients.Remove(relayed.card->id);
    each = goes_on ? std::next(each) : clients_.erase(each);
  }
  Await(now);
}

void ClientRelay::TakeNew() {
  MutexLock lock(mutex_);
  clients_.splice(clients_.end(), new_);
}

bool ClientRelay::Serve(Relayed& relayed, int64_t now) {
  cluster::RelayedClient& state = relayed.state;
  if (relayed.ends == kNever) return Refuse(relayed, "it is no longer the node that was handed over to");
  if (!relayed.is_connected && !ConnectFurther(relayed, now)) return false;
  if (relayed.ends_since_ms == 0 && IsToEnd(relayed, now)) {
    relayed.ends_since_ms = now;
    state.EndRequests();
  }
  relayed.is_due = true;
  for (int round = 0; relayed.is_due && round < kMostRounds; ++round) {
    const Result<bool> has_passed = Pump(relayed);
    if (!has_passed && !state.has_begun()) return Refuse(relayed, has_passed.error().text);
    if (!has_passed) state.EndReplies(relayed.has_told_end ? "-" + std::string(errors::kNoPrimary) + "\r\n" : "");
    relayed.is_due = has_passed && *has_passed;
    if (state.IsOver()) return false;
  }
  if (relayed.is_connected && !relayed.has_told_end && state.HasSentAll()) {
    relayed.has_told_end = true;
    relayed.node->EndSending();
  }
  if (state.is_to_ask_again()) {
    if (relayed.ask_again_ms == 0) relayed.ask_again_ms = now + kAskAgainMs;
    if (now >= relayed.ask_again_ms) {
      relayed.ask_again_ms = 0;
      state.AskAgain();
    }
  }
  if (!state.has_begun() && now - relayed.began_ms > kAgreeMs) return Refuse(relayed, "it is not the primary");
  return relayed.ends_since_ms == 0 || now - relayed.ends_since_ms < kLetGoMs;
}

bool ClientRelay::ConnectFurther(Relayed& relayed, int64_t now) {
  if (relayed.node == nullptr) {
    relayed.node = PeerSocket::Begin(relayed.primary.host, relayed.primary.port, kConnectMs, ToPrimary(parts_.options));
  }
  const Result<bool> stands = relayed.node->GoOn(now);
  if (!stands) return Refuse(relayed, stands.error().text);
  relayed.is_connected = *stands;
  return true;
}

Result<bool> ClientRelay::Pump(Relayed& relayed) {
  bool has_passed = PumpClient(relayed);
  if (relayed.is_connected) {
    const Result<bool> passed = PumpNode(relayed);
    if (!passed) return passed;
    has_passed |= *passed;
  }
  return PumpClient(relayed) || has_passed;
}

// One that sends no more, in whatever way it has ended, may still read. One that can't be sent to is lost.
bool ClientRelay::PumpClient(Relayed& relayed) {
  cluster::RelayedClient& state = relayed.state;
  bool has_passed = false;
  if (state.TakesFromClient()) {
    char room[kReadBytes];
    const Result<size_t> got = relayed.client.ReceiveSome(room, sizeof room);
    if (!got) state.EndRequests();
    if (got) state.FromClient({room, *got});
    has_passed = !got || *got > 0;
  }
  if (state.ToClient().empty()) return has_passed;
  const Result<size_t> sent = relayed.client.SendSome(state.ToClient());
  sent ? state.SentToClient(*sent) : state.LoseClient();
  return has_passed || !sent || *sent > 0;
}

Result<bool> ClientRelay::PumpNode(Relayed& relayed) {
  cluster::RelayedClient& state = relayed.state;
  bool has_passed = false;
  if (!state.ToNode().empty()) {
    const Result<size_t> sent = relayed.node->SendSome(state.ToNode());
    if (!sent) return tl::unexpected(sent.error());
    state.SentToNode(*sent);
    has_passed = *sent > 0;
  }
  if (!state.TakesFromNode()) return has_passed;
  char room[kReadBytes];
  const Result<size_t> got = relayed.node->ReceiveSome(room, sizeof room);
  if (!got) return tl::unexpected(got.error());
  if (Status taken = state.FromNode({room, *got}); !taken) return tl::unexpected(taken.error());
  return has_passed || *got > 0;
}

bool ClientRelay::IsToEnd(const Relayed& relayed, int64_t now) const {
  return stopping_ || relayed.ends != ends_ || now >= relayed.end_ms;
}

bool ClientRelay::Refuse(Relayed& relayed, const std::string& why) {
  if (!std::exchange(has_told_refusal_, true)) {
    parts_.log.Warning(
        "FAILOVER: the new primary does not take requests of this server's clients, which are refused: " + why);
  }
  const std::string refusal = "-" + std::string(errors::kReadOnly) + "\r\n";
  [[maybe_unused]] const Result<size_t> sent = relayed.client.SendSome(refusal);
  return false;
}

void ClientRelay::Await(int64_t now) {
  waiting_.assign(1, {wake_, POLLIN, 0});
  int64_t wait_ms = kLongestWaitMs;
  // A socket is waited for by what it may do next; PeerSocket adds its event for Wake, which nobody uses here.
  const auto add = [this](const PeerSocket& socket, bool takes, bool is_sending) {
    socket.AddTo(&waiting_, is_sending);
    waiting_.pop_back();
    if (!takes) waiting_.back().events = static_cast<short>(waiting_.back().events & ~POLLIN);
    // A peer that has gone is found when it is read from again, and would wake this thread until then.
    if (waiting_.back().events == 0) waiting_.pop_back();
  };
  for (const auto& each : clients_) {
    each->polled_at = waiting_.size();
    add(each->client, each->state.TakesFromClient(), !each->state.ToClient().empty());
    if (each->is_connected) {
      add(*each->node, each->state.TakesFromNode(), !each->state.ToNode().empty());
    } else {
      each->node->AddTo(&waiting_, false);
      waiting_.pop_back();
    }
    each->polled = waiting_.size() - each->polled_at;
    if (each->is_due) wait_ms = 0;
    if (each->ask_again_ms != 0) wait_ms = std::min(wait_ms, std::max<int64_t>(each->ask_again_ms - now, 1));
  }
  if (::poll(waiting_.data(), waiting_.size(), static_cast<int>(wait_ms)) <= 0) return;
  for (const auto& each : clients_) {
    for (size_t i = 0; i < each->polled; ++i) each->is_due |= waiting_[each->polled_at + i].revents != 0;
  }
  if (waiting_[0].revents == 0) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(wake_, &count, sizeof count);
}

}  // namespace ringkv::server
