// SPDX-License-Identifier: MIT
// cluster-redirect proxy: what clients of this thread ask that other nodes have to answer, goes to those and comes
// back, over a few connections to each.
//
// Clients share the connections. A node that is paused, or that holds a key back, lets requests wait and all that comes
// behind them on their connection. So reads, writes and scripts have connections of their own, and a connection whose
// first request has waited for a while takes no further clients. A script may take long by itself: it gets a connection
// over which nothing is under way, as long as there are such. A client's requests to a shard keep their order: its
// writes leave when its reads have been answered, its scripts when both have been, and what comes behind a write or a
// script goes where that goes.
//
// Threads: confined to one I/O thread.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <compare>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/execution/proxy_plan.h"
#include "server/net/client_connections.h"
#include "server/net/passed_request.h"
#include "server/net/proxy_link.h"

namespace ringkv::server {

class Server;
class Session;
struct ThreadState;

class Proxy final : private ProxyLink::Owner {
 public:
  // The references are to parts of the thread, and must outlive the proxy. Its connections to other nodes end with it,
  // and clients that wait for a reply get none.
  Proxy(asio::io_context& context, Server& server, ThreadState& thread, const ClientConnections& clients);
  ~Proxy();

  // Has the request answered by its shard's primary, behind ASKING if `asks`.
  void Pass(PassedRequest request, bool asks);
  // Has the parts of a request answered as the plan says; those that `answer_here` takes, it answers. `request` has the
  // place for the reply.
  using AnswerHere = std::function<bool(const ProxyPart& part, const ReplyPlace& place)>;
  void PassOn(const ProxyPlan& plan, PassedRequest request, const AnswerHere& answer_here);
  // Sends the request to all other nodes, or to those of this one's shard; nobody waits for what they answer.
  void TellNodes(bool only_own_shard, const std::string& request);
  // Whether some node may not have what it was told yet.
  bool has_messages_under_way() const { return messages_under_way_ > 0; }
  // Executes a part of a request in this node and answers it; the reply may have so many bytes. Returns the LSN that
  // the reply depends on; none if the part cannot be executed here now.
  std::optional<storage::Lsn> ExecuteHere(const ProxyPart& part, const ReplyPlace& place, Session& session,
                                          size_t most_bytes);
  // A part of a request was answered here.
  void Answer(const ReplyPlace& place, std::string reply, storage::Lsn lsn);
  // The reply, or a part of it, is longer than it may be, and is not kept.
  void Refuse(const ReplyPlace& place);
  // What was to be sent leaves.
  void FlushAll();
  // Some times a second.
  void Tick(int64_t now_ms);

 private:
  void Answered(PassedRequest request, std::string reply) override;
  size_t MostReplyBytes(const PassedRequest& request) override;
  void AnsweredTooLong(PassedRequest request) override;
  void Lost(PassedRequest request, bool was_sent, const std::string& why) override;
  void FlushLater(ProxyLink* link) override { to_flush_.push_back(link); }
  // The purposes of connections, by ranges of their numbers.
  struct Numbers {
    size_t first;
    size_t count;  // to each node
    bool Have(size_t number) const { return number >= first && number - first < count; }
  };
  static constexpr Numbers kReads{0, 4};
  static constexpr Numbers kWrites{4, 4};
  static constexpr Numbers kScripts{8, 8};

  struct LinkName {
    std::string host;
    int port = 0;
    int protocol = 2;
    bool reads_replica = false;
    size_t number = 0;

    auto operator<=>(const LinkName&) const = default;  // NOLINT(modernize-use-nullptr): generated code
  };
  // What a client's requests to a shard wait for.
  struct ClientOrder {
    size_t reads = 0;                   // without an answer
    size_t writes = 0;                  // and scripts; likewise, with those that have not left
    size_t left = 0;                    // writes and scripts that have left
    std::optional<size_t> link;         // the connection of what has left; nothing: not chosen yet
    std::deque<PassedRequest> waiting;  // for answers
  };
  ProxyLink& LinkTo(const LinkName& name);
  ClientOrder& OrderOf(const PassedRequest& request) { return orders_[{request.place.connection, request.shard}]; }
  // Whether nothing that the client has asked before keeps the request.
  static bool MayLeave(const ClientOrder& order, const PassedRequest& request);
  // The request leaves for its shard's primary.
  void Leave(PassedRequest request);
  void SendTo(const std::string& host, int port, PassedRequest request);
  // The number of a connection for the request.
  size_t ChooseLink(LinkName name, const PassedRequest& request);
  // The request has its answer.
  void End(const PassedRequest& request);
  // Whether the node has left the cluster, or has not answered its requests for a sign of life (NodeWatch).
  bool HasFailed(const LinkName& name);
  // Keeps one of the replies that are joined until all are there. False if it was the last: `reply` is the whole then.
  bool KeepPart(const ReplyPlace& place, std::string* reply, storage::Lsn* lsn);
  // Sends it where the error says. False if it says nothing of the kind.
  bool FollowRedirection(PassedRequest& request, std::string_view reply);
  bool AskReplica(PassedRequest& request);
  // A message for the node is lost: it does not read.
  void NoteDropped(const std::string& node_id);
  void RetryLater(PassedRequest request);

  asio::io_context& context_;
  Server& server_;
  ThreadState& thread_;
  const ClientConnections& clients_;
  std::map<LinkName, std::unique_ptr<ProxyLink>> links_;
  std::map<std::pair<uint64_t, cluster::ShardIndex>, ClientOrder> orders_;  // by connection and shard
  size_t messages_under_way_ = 0;
  std::vector<ProxyLink*> to_flush_;
  asio::steady_timer retry_timer_;
  std::vector<PassedRequest> to_retry_;
  int64_t next_drop_warning_ms_ = 0;
};

}  // namespace ringkv::server
