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
constexpr int64_t kQuietMs = 3000;    // then a client that asks nothing is let go
constexpr int64_t kLetGoMs = 10'000;  // after the end of its time, a client that is never quiet is let go too
constexpr int64_t kLongestWaitMs = 100;
constexpr int kMostRounds = 16;  // of one client, before the others come
constexpr size_t kReadBytes = size_t{16} * 1024;

}  // namespace

struct ClientRelay::Relayed {
  Relayed(transport::Channel channel, std::shared_ptr<ClientCard> card_in, cluster::RelayedClient::Opening opening,
          PrimaryAddress primary_in, int64_t now, int64_t end)
      : client(std::move(channel)),
        card(std::move(card_in)),
        state(std::move(opening)),
        primary(std::move(primary_in)),
        began_ms(now),
        active_ms(now),
        end_ms(end) {}

  PeerSocket client;
  std::shared_ptr<ClientCard> card;
  cluster::RelayedClient state;
  PrimaryAddress primary;
  std::unique_ptr<PeerSocket> node;  // to it; null: not begun
  bool is_connected = false;
  int64_t began_ms;
  int64_t active_ms;  // when something passed
  int64_t end_ms;     // of its time
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

cluster::RelayedClient::Opening ClientRelay::OpeningOf(const Client& client) const {
  cluster::RelayedClient::Opening opening{.requests = client.requests, .answered = client.answered};
  const auto ask = [&](const std::vector<std::string>& words) {
    opening.introduction += resp::EncodeRequest(words);
    ++opening.introductions;
  };
  if (const std::vector<std::string> auth = AuthCommand(parts_.options); !auth.empty()) ask(auth);
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
  ask({"REPLCONF", std::string(cluster::kRelayOption), client.user});
  return opening;
}

void ClientRelay::Take(transport::Channel channel, Client client) {
  const int64_t now = parts_.world.clock.SteadyMs();
  cluster::RelayedClient::Opening opening = OpeningOf(client);
  MutexLock lock(mutex_);
  if (stopping_) return parts_.clients.Remove(client.card->id);
  new_.push_back(std::make_unique<Relayed>(std::move(channel), std::move(client.card), std::move(opening), primary_,
                                           now, until_ms_));
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
  int64_t looks_at_all_ms = 0;  // then, whoever is due
  while (!stopping_) {
    TakeNew();
    const int64_t now = parts_.world.clock.SteadyMs();
    const bool looks_at_all = now >= looks_at_all_ms;
    if (looks_at_all) looks_at_all_ms = now + kLongestWaitMs;
    for (auto each = clients_.begin(); each != clients_.end();) {
      Relayed& relayed = **each;
      const bool is_due = relayed.is_due || (relayed.ask_again_ms != 0 && now >= relayed.ask_again_ms);
      const bool goes_on = !relayed.card->is_closing && ((!is_due && !looks_at_all) || Serve(relayed, now));
      if (!goes_on) parts_.clients.Remove(relayed.card->id);
      each = goes_on ? std::next(each) : clients_.erase(each);
    }
    Await(now);
  }
  TakeNew();
  for (const auto& each : clients_) parts_.clients.Remove(each->card->id);
  clients_.clear();
}

void ClientRelay::TakeNew() {
  MutexLock lock(mutex_);
  clients_.splice(clients_.end(), new_);
}

bool ClientRelay::Serve(Relayed& relayed, int64_t now) {
  if (!relayed.is_connected && !ConnectFurther(relayed, now)) return false;
  cluster::RelayedClient& state = relayed.state;
  relayed.is_due = true;
  for (int round = 0; relayed.is_due && round < kMostRounds; ++round) {
    const Result<bool> has_passed = Pump(relayed);
    if (!has_passed) return !state.has_begun() && Refuse(relayed, has_passed.error().text);
    relayed.is_due = *has_passed;
    if (*has_passed) relayed.active_ms = now;
  }
  if (state.is_to_ask_again()) {
    if (relayed.ask_again_ms == 0) relayed.ask_again_ms = now + kAskAgainMs;
    if (now >= relayed.ask_again_ms) {
      relayed.ask_again_ms = 0;
      state.AskAgain();
    }
  }
  if (!state.has_begun() && now - relayed.began_ms > kAgreeMs) return Refuse(relayed, "it is not the primary");
  return !MayEnd(relayed, now);
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
  cluster::RelayedClient& state = relayed.state;
  bool has_passed = false;
  const auto send = [&](PeerSocket& socket, std::string_view bytes) -> Result<size_t> {
    if (bytes.empty()) return 0;
    Result<size_t> sent = socket.SendSome(bytes);
    if (sent && *sent > 0) has_passed = true;
    return sent;
  };
  char room[kReadBytes];
  const auto receive = [&](PeerSocket& socket) -> Result<std::string_view> {
    const Result<size_t> got = socket.ReceiveSome(room, sizeof room);
    if (!got) return tl::unexpected(got.error());
    if (*got > 0) has_passed = true;
    return std::string_view(room, *got);
  };
  if (state.TakesFromClient()) {
    const Result<std::string_view> got = receive(relayed.client);
    if (!got) return tl::unexpected(got.error());
    state.FromClient(*got);
  }
  if (!relayed.is_connected) return false;
  const Result<size_t> asked = send(*relayed.node, state.ToNode());
  if (!asked) return tl::unexpected(asked.error());
  state.SentToNode(*asked);
  if (state.TakesFromNode()) {
    const Result<std::string_view> got = receive(*relayed.node);
    if (!got) return tl::unexpected(got.error());
    if (Status taken = state.FromNode(*got); !taken) return tl::unexpected(taken.error());
  }
  const Result<size_t> answered = send(relayed.client, state.ToClient());
  if (!answered) return tl::unexpected(answered.error());
  state.SentToClient(*answered);
  return has_passed;
}

bool ClientRelay::MayEnd(const Relayed& relayed, int64_t now) const {
  if (now > relayed.end_ms + kLetGoMs) return true;
  return relayed.state.IsQuiet() && (now >= relayed.end_ms || now - relayed.active_ms >= kQuietMs);
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
