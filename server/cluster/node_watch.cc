// SPDX-License-Identifier: MIT
#include "server/cluster/node_watch.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/integer_text.h"
#include "resp/request_writer.h"
#include "server/base/text.h"
#include "server/node_link/handshake.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

using storage::MutexLock;

constexpr int64_t kWatchConnectMs = 500;
constexpr int64_t kLongestRoundMs = 1000;
constexpr int64_t kShortestRoundMs = 50;
constexpr int64_t kLookAgainMs = 5;
constexpr size_t kLongestAnswer = 4096;
constexpr std::string_view kAnnounced = "+ANNOUNCED";
constexpr std::string_view kNothing = "-";

// Nothing if a node of another version says something else; it has answered all the same.
std::optional<NodeNews> ParseNews(std::string_view line) {
  constexpr int64_t kHighestPort = 65535;
  const std::vector<std::string_view> words = Words(line);
  if (words.size() < 4 || words[0] != kAnnounced) return std::nullopt;
  const std::optional<int64_t> port = resp::ParseInteger(words[2]);
  if (!port || *port < 0 || *port > kHighestPort) return std::nullopt;
  const auto text = [](std::string_view word) { return std::string(word == kNothing ? "" : word); };
  return NodeNews{.ip = text(words[1]), .hostname = text(words[3]), .port = static_cast<int>(*port)};
}

}  // namespace

std::string PrintNews(const NodeNews& news) {
  const auto word = [](const std::string& text) { return text.empty() ? std::string(kNothing) : text; };
  return std::string(kAnnounced.substr(1)) + " " + word(news.ip) + " " + std::to_string(news.port) + " " +
         word(news.hostname);
}

NodeNews NewsOf(const Options& options) {
  return {.ip = options.cluster_announce_ip.Get(),
          .hostname = options.cluster_announce_hostname.Get(),
          .port = static_cast<int>(options.tls_cluster != 0 ? options.cluster_announce_tls_port
                                                            : options.cluster_announce_port)};
}

void NodeWatch::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void NodeWatch::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    interrupted_ = true;
    woken_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool NodeWatch::Rest(int64_t ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  MutexLock lock(mutex_);
  while (!stopping_ && mutex_.WaitUntil(woken_, until)) {
  }
  return !stopping_;
}

void NodeWatch::Run() {
  NameThisThread("node-watch");
  storage::CountMemoryOfThisThread();
  for (bool goes_on = true; goes_on;) {
    const int64_t round_ms =
        std::clamp<int64_t>(parts_.options.cluster_node_timeout / 4, kShortestRoundMs, kLongestRoundMs);
    const int64_t end = parts_.world.clock.SteadyMs() + round_ms;
    const std::shared_ptr<const ClusterView> view = owner_.view();
    FitPeers(*view);
    for (auto& [name, peer] : peers_) Ask(peer);
    const auto awaits_any = [this] {
      bool awaits = false;
      for (auto& [name, peer] : peers_) awaits = Awaits(peer) || awaits;
      return awaits;
    };
    while (goes_on && awaits_any() && parts_.world.clock.SteadyMs() < end) goes_on = Rest(kLookAgainMs);
    Tell(*view);
    goes_on = goes_on && Rest(std::max<int64_t>(end - parts_.world.clock.SteadyMs(), kLookAgainMs));
  }
}

void NodeWatch::FitPeers(const ClusterView& view) {
  std::map<std::string, Peer> before = std::exchange(peers_, {});
  for (const cluster::Node& node : view.topology.nodes()) {
    if (node.id == view.id) continue;
    const auto known = before.find(node.id);
    const bool is_same = known != before.end() && known->second.host == node.host && known->second.port == node.port;
    Peer& peer = peers_[node.id];
    if (is_same) {
      peer = std::move(known->second);
    } else {
      peer.host = node.host;
      peer.port = node.port;
      peer.last_answer_ms = parts_.world.clock.SteadyMs();
    }
  }
}

void NodeWatch::Ask(Peer& peer) {
  if (peer.lines_to_come > 0) return;  // it has not answered the last time
  std::string requests;
  if (peer.socket == nullptr) {
    auto connected = PeerSocket::Connect(peer.host, peer.port, kWatchConnectMs, interrupted_, ToNode(parts_.options));
    if (!connected) return;
    peer.socket = std::move(*connected);
    const std::vector<std::string> authentication = AuthCommand(parts_.options);
    if (!authentication.empty()) requests = resp::EncodeRequest(authentication);
  }
  peer.lines_to_come = requests.empty() ? 1 : 2;
  requests += resp::EncodeRequest({"CLUSTER", "ANNOUNCED"});
  if (const auto sent = peer.socket->SendSome(requests); !sent || *sent != requests.size()) Close(peer);
}

bool NodeWatch::Awaits(Peer& peer) {
  while (peer.lines_to_come > 0) {
    const std::string_view readable = peer.received.Readable();
    const size_t end = readable.find("\r\n");
    if (end != std::string_view::npos) {
      if (--peer.lines_to_come == 0) {
        peer.last_answer_ms = parts_.world.clock.SteadyMs();
        if (std::optional<NodeNews> news = ParseNews(readable.substr(0, end))) peer.news = std::move(*news);
      }
      peer.received.Consume(end + 2);
      continue;
    }
    const auto got = readable.size() > kLongestAnswer
                         ? storage::Result<size_t>(storage::Fail("it says too much"))
                         : peer.socket->Receive(peer.received.Prepare(kLongestAnswer), kLongestAnswer, 0);
    if (!got) {
      Close(peer);
      return false;
    }
    if (*got == 0) return true;
    peer.received.Commit(*got);
  }
  return false;
}

void NodeWatch::Close(Peer& peer) {
  peer.socket.reset();
  peer.received.Consume(peer.received.size());
  peer.lines_to_come = 0;
}

void NodeWatch::Tell(const ClusterView& view) {
  const int64_t now = parts_.world.clock.SteadyMs();
  std::map<std::string, NodeNews> news{{view.id, NewsOf(parts_.options)}};
  for (auto& [name, peer] : peers_) {
    const bool has_failed = now - peer.last_answer_ms > parts_.options.cluster_node_timeout;
    if (has_failed != peer.news.has_failed) {
      has_failed ? parts_.log.Warning("cluster: node '" + name + "' has not answered for cluster-node-timeout")
                 : parts_.log.Notice("cluster: node '" + name + "' answers again");
    }
    // It hangs, or nothing arrives there: another connection may do better.
    if (has_failed && peer.lines_to_come > 0) Close(peer);
    peer.news.has_failed = has_failed;
    news[name] = peer.news;
  }
  if (news == told_) return;
  told_ = news;
  owner_.NoteNodes(std::move(news));
}

}  // namespace ringkv::server
