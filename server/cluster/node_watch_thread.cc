// SPDX-License-Identifier: MIT
#include "server/cluster/node_watch_thread.h"

#include <algorithm>
#include <utility>

#include "server/base/text.h"
#include "server/node_link/handshake.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

constexpr int64_t kLongestConnectMs = 2000;

std::vector<cluster::NodeWatch::Address> OthersIn(const ClusterView& view) {
  std::vector<cluster::NodeWatch::Address> others;
  for (const cluster::Node& node : view.topology.nodes()) {
    if (node.id != view.id) others.push_back({node.id, node.host, node.port});
  }
  return others;
}

}  // namespace

NodeNews NewsOf(const Options& options) {
  return {.ip = options.cluster_announce_ip.Get(),
          .hostname = options.cluster_announce_hostname.Get(),
          .port = static_cast<int>(options.tls_cluster != 0 ? options.cluster_announce_tls_port
                                                            : options.cluster_announce_port)};
}

NodeWatchThread::NodeWatchThread(const ClusterParts& parts, Owner& owner)
    : parts_(parts), owner_(owner), pump_(parts.world.clock), watch_(*this) {}

void NodeWatchThread::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void NodeWatchThread::Stop() {
  stopping_ = true;
  pump_.Wake();
  if (thread_.joinable()) thread_.join();
}

void NodeWatchThread::Run() {
  NameThisThread("node-watch");
  storage::CountMemoryOfThisThread();
  while (!stopping_) {
    const std::shared_ptr<const ClusterView> view = owner_.view();
    watch_.Watch(OthersIn(*view), parts_.world.clock.SteadyMs());
    watch_.Work(parts_.world.clock.SteadyMs());
    for (const LinkPump::Ended& each : pump_.Turn(watch_.wake_at())) {
      sockets_.erase(each.link);
      watch_.NoteEnd(*each.link, each.why);
    }
    Tell(*view);
  }
}

void NodeWatchThread::Tell(const ClusterView& view) {
  std::map<std::string, NodeNews> news = watch_.news();
  news[view.id] = NewsOf(parts_.options);
  if (news == told_) return;
  told_ = news;
  owner_.NoteNodes(std::move(news));
}

// --- what the watch asks for ----------------------------------------------------------------------------------------

std::vector<std::string> NodeWatchThread::authentication() const { return AuthCommand(parts_.options); }

void NodeWatchThread::Connect(const cluster::NodeWatch::Address& to, cluster::Link& link) {
  // Long enough for a packet to be lost, and twice within the time after which the node has failed.
  const int64_t patience_ms = std::min(kLongestConnectMs, timeout_ms() / 2);
  auto& socket = sockets_[&link] = PeerSocket::Begin(to.host, to.port, patience_ms, ToNode(parts_.options));
  pump_.Add(link, *socket);
}

void NodeWatchThread::Close(cluster::Link& link) {
  pump_.Remove(link);
  sockets_.erase(&link);
}

void NodeWatchThread::NoteFailure(const std::string& name, bool has_failed, const std::string& why) {
  if (!has_failed) return parts_.log.Notice("cluster: node '" + name + "' answers again");
  parts_.log.Warning("cluster: node '" + name + "' has not answered for cluster-node-timeout" +
                     (why.empty() ? "" : ": " + why));
}

void NodeWatchThread::NoteRefusal(const std::string& name, const std::string& why) {
  parts_.log.Warning("cluster: node '" + name + "' does not let this node in (masteruser, masterauth): " + why);
}

void NodeWatchThread::NoteError(const std::string& name, const std::string& error) {
  if (error.starts_with("LOADING")) return;
  parts_.log.Notice("cluster: node '" + name + "' answers with an error: " + error);
}

}  // namespace ringkv::server
