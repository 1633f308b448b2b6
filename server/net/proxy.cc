// SPDX-License-Identifier: MIT
#include "server/net/proxy.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "resp/request_writer.h"
#include "server/composition/server.h"
#include "server/execution/execution.h"
#include "server/execution/route.h"

namespace ringkv::server {
namespace {

constexpr unsigned kMostHops = 16;  // as many as cluster clients follow
constexpr auto kRetryAfter = std::chrono::milliseconds(10);
constexpr int64_t kHeldUpMs = 20;    // a request that waits longer is no longer on its way, but held back
constexpr int64_t kKeptMs = 60'000;  // a link that nobody uses
constexpr int64_t kBetweenDropWarningsMs = 60'000;
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";

void PutAskingBefore(PassedRequest& request) {
  request.bytes.insert(0, kAsking);
  ++request.replies;
}

void TakeOffAsking(PassedRequest& request) {
  if (!request.bytes.starts_with(kAsking)) return;
  request.bytes.erase(0, kAsking.size());
  --request.replies;
}

// Of what is told to other nodes; as for subscribers.
size_t MostUnsentBytes(const Options& options) {
  const int64_t hard = options.output_limits[static_cast<size_t>(ClientClass::kPubSub)].hard_bytes;
  return hard == 0 ? SIZE_MAX : static_cast<size_t>(hard);
}

std::string Down(const std::string& why) { return "-CLUSTERDOWN " + why + "\r\n"; }

// Null if there is no such node.
const cluster::Node* NodeAt(const ClusterView& view, std::string_view host, int port) {
  const std::vector<cluster::Node>& nodes = view.topology.nodes();
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const cluster::Node& node) { return node.host == host && node.port == port; });
  return found == nodes.end() ? nullptr : &*found;
}

}  // namespace

Proxy::Proxy(asio::io_context& context, Server& server, ThreadState& thread, const ClientConnections& clients)
    : context_(context), server_(server), thread_(thread), clients_(clients), retry_timer_(context) {}

Proxy::~Proxy() = default;

ProxyLink& Proxy::LinkTo(const LinkName& name) {
  std::unique_ptr<ProxyLink>& link = links_[name];
  ProxyLink::Owner& owner = *this;
  if (link == nullptr) {
    link =
        std::make_unique<ProxyLink>(context_, server_, owner, name.host, name.port, name.protocol, name.reads_replica);
  }
  return *link;
}

size_t Proxy::ChooseLink(LinkName name, const PassedRequest& request) {
  const int64_t now_ms = server_.clock().SteadyMs();
  const Numbers numbers = request.takes_turns ? kScripts : request.joins_writes ? kWrites : kReads;
  const auto find = [&](const auto& suits) -> std::optional<size_t> {
    for (name.number = numbers.first; numbers.Have(name.number); ++name.number) {
      const auto found = links_.find(name);
      if (found == links_.end() || suits(*found->second)) return name.number;
    }
    return std::nullopt;
  };
  if (request.takes_turns) {
    if (const auto idle = find([](const ProxyLink& link) { return link.is_idle(); })) return *idle;
  }
  if (const auto moves = find([&](const ProxyLink& link) { return link.WaitingMs(now_ms) < kHeldUpMs; })) return *moves;
  return numbers.first + request.place.connection % numbers.count;
}

void Proxy::SendTo(const std::string& host, int port, PassedRequest request) {
  LinkName name{.host = host, .port = port, .protocol = request.protocol};
  if (request.place.connection == 0) return LinkTo(name).Send(std::move(request));
  ClientOrder& order = OrderOf(request);
  if (!order.link) order.link = ChooseLink(name, request);
  name.number = *order.link;
  LinkTo(name).Send(std::move(request));
}

void Proxy::Pass(PassedRequest request, bool asks) {
  request.asks = asks;
  ClientOrder& order = OrderOf(request);
  request.joins_writes = !request.only_reads || request.takes_turns || order.writes > 0;
  ++(request.joins_writes ? order.writes : order.reads);
  if (!order.waiting.empty() || !MayLeave(order, request)) return order.waiting.push_back(std::move(request));
  if (request.joins_writes) ++order.left;
  Leave(std::move(request));
}

bool Proxy::MayLeave(const ClientOrder& order, const PassedRequest& request) {
  if (request.joins_writes && order.reads > 0) return false;
  return !request.takes_turns || order.left == 0 || !order.link || kScripts.Have(*order.link);
}

void Proxy::Leave(PassedRequest request) {
  const ClusterView& view = ViewOf(server_.execution_parts(), thread_);
  if (request.shard >= view.topology.shards().size()) {
    End(request);
    return Answer(request.place, Down("Hash slot not served"), 0);
  }
  const cluster::Node& primary = view.PrimaryOf(request.shard);
  if (request.asks) PutAskingBefore(request);
  SendTo(primary.host, primary.port, std::move(request));
}

void Proxy::End(const PassedRequest& request) {
  if (request.is_message) --messages_under_way_;
  if (request.place.connection == 0) return;
  ClientOrder& order = OrderOf(request);
  --(request.joins_writes ? order.writes : order.reads);
  if (request.joins_writes) --order.left;
  if (order.reads + order.left == 0) order.link.reset();
  while (!order.waiting.empty() && MayLeave(order, order.waiting.front())) {
    PassedRequest next = std::move(order.waiting.front());
    order.waiting.pop_front();
    ++order.left;
    Leave(std::move(next));
  }
}

void Proxy::PassOn(const ProxyPlan& plan, PassedRequest request, const AnswerHere& answer_here) {
  const bool is_transaction = plan.join == Join::kTransaction;
  request.only_reads = plan.only_reads;
  request.takes_turns = plan.takes_turns;
  if (is_transaction) {
    for (const ProxyPart& part : plan.parts) {
      request.bytes += resp::EncodeRequest(std::span<const std::string_view>(part.argv));
    }
    request.replies = plan.parts.size();
    request.shard = plan.parts[0].shard;
    return Pass(std::move(request), plan.asks);
  }
  if (plan.join != Join::kOne) {
    const size_t shards = ViewOf(server_.execution_parts(), thread_).topology.shards().size();
    request.place.joined = std::make_shared<JoinedReplies>(JoinedReplies{
        plan.join, std::vector<std::string>(plan.parts.size()), plan.parts.size(), plan.parts[0].shard, shards, 0});
  }
  for (size_t i = 0; i < plan.parts.size(); ++i) {
    if (request.place.joined != nullptr && request.place.joined->is_refused) break;
    const ProxyPart& part = plan.parts[i];
    request.place.part = i;
    if (plan.join != Join::kOne && answer_here(part, request.place)) continue;
    PassedRequest one = request;
    one.bytes = resp::EncodeRequest(std::span<const std::string_view>(part.argv));
    one.shard = part.shard;
    Pass(std::move(one), plan.asks);
  }
}

void Proxy::TellNodes(bool only_own_shard, const std::string& request) {
  const ClusterView& view = ViewOf(server_.execution_parts(), thread_);
  const size_t most = MostUnsentBytes(server_.options());
  for (const cluster::Node& node : view.topology.nodes()) {
    if (node.id == view.id || (only_own_shard && node.shard != view.here.shard)) continue;
    ProxyLink& link =
        LinkTo({.host = node.host, .port = node.port, .reads_replica = !node.is_primary, .number = kWrites.first});
    if (link.unsent_bytes() + request.size() > most) {
      NoteDropped(node.id);
      continue;
    }
    PassedRequest told;
    told.bytes = request;
    told.protocol = 2;
    told.is_message = true;
    ++messages_under_way_;
    link.Send(std::move(told));
  }
}

void Proxy::NoteDropped(const std::string& node_id) {
  thread_.statistics.node_messages_dropped.Add(1);
  const int64_t now_ms = server_.clock().SteadyMs();
  if (next_drop_warning_ms_ > now_ms) return;
  next_drop_warning_ms_ = now_ms + kBetweenDropWarningsMs;
  server_.log().Warning("node " + node_id +
                        " does not read the published messages: those that exceed the pubsub limit of "
                        "client-output-buffer-limit are dropped");
}

void Proxy::FlushAll() {
  for (size_t i = 0; i < to_flush_.size(); ++i) to_flush_[i]->Flush();
  to_flush_.clear();
}

void Proxy::Tick(int64_t now_ms) {
  for (auto& [name, link] : links_) {
    link->Tick(now_ms, [this, &of = name] { return HasFailed(of); });
  }
  std::erase_if(links_, [&](const auto& each) {
    return each.second->is_idle() && now_ms - each.second->last_used_ms() > kKeptMs;
  });
  std::erase_if(orders_, [](const auto& each) { return each.second.reads + each.second.writes == 0; });
}

bool Proxy::HasFailed(const LinkName& name) {
  const ClusterView& view = ViewOf(server_.execution_parts(), thread_);
  const cluster::Node* const node = NodeAt(view, name.host, name.port);
  return node == nullptr || view.Shown(*node).has_failed;
}

bool Proxy::KeepPart(const ReplyPlace& place, std::string* reply, storage::Lsn* lsn) {
  JoinedReplies& joined = *place.joined;
  if (joined.is_refused) return true;
  ClientConnection* const connection = clients_.Find(place.connection);
  joined.bytes += reply->size();
  if (connection == nullptr || joined.bytes > connection->MostReplyBytes()) {
    Refuse(place);
    return true;
  }
  connection->CountReplyPart(place.number, reply->size());
  joined.replies[place.part] = std::move(*reply);
  joined.lsn = std::max(joined.lsn, *lsn);
  if (--joined.missing > 0) return true;
  *reply = JoinReplies(joined.join, joined.replies, joined.first_shard, joined.shards);
  *lsn = joined.lsn;
  return false;
}

std::optional<storage::Lsn> Proxy::ExecuteHere(const ProxyPart& part, const ReplyPlace& place, Session& session,
                                               size_t most_bytes) {
  // In a buffer of its own: the client's output may take pushes meanwhile, which are no part of the reply.
  resp::Buffer bytes;
  bytes.set_limit(most_bytes);
  resp::ReplyWriter reply(bytes, session.protocol);
  const auto lsn = ExecutePart({server_.execution_parts(), thread_, session, reply}, part);
  if (!lsn) return std::nullopt;
  if (bytes.has_overflowed()) {
    Refuse(place);
  } else {
    Answer(place, std::string(bytes.Readable()), *lsn);
  }
  return lsn;
}

void Proxy::Answer(const ReplyPlace& place, std::string reply, storage::Lsn lsn) {
  if (place.connection == 0) return;
  if (place.joined != nullptr && KeepPart(place, &reply, &lsn)) return;
  if (ClientConnection* connection = clients_.Find(place.connection)) {
    connection->TakeReply(place.number, std::move(reply), lsn);
  }
}

void Proxy::Refuse(const ReplyPlace& place) {
  if (place.joined != nullptr) {
    if (std::exchange(place.joined->is_refused, true)) return;
    place.joined->replies = {};
  }
  if (ClientConnection* connection = clients_.Find(place.connection)) connection->RefuseReply(place.number);
}

size_t Proxy::MostReplyBytes(const PassedRequest& request) {
  const ClientConnection* const connection = clients_.Find(request.place.connection);
  return connection == nullptr ? 0 : connection->MostReplyBytes();
}

void Proxy::AnsweredTooLong(PassedRequest request) {
  End(request);
  Refuse(request.place);
}

void Proxy::Answered(PassedRequest request, std::string reply) {
  if (reply.starts_with('-') && FollowRedirection(request, reply)) return;
  End(request);
  Answer(request.place, std::move(reply), 0);
}

bool Proxy::FollowRedirection(PassedRequest& request, std::string_view reply) {
  // A transaction as a whole can't be sent again: its last reply says only that it was given up.
  if (request.place.connection == 0 || ++request.hops > kMostHops) return false;
  if (reply.starts_with("-TRYAGAIN ")) {
    RetryLater(std::move(request));
    return true;
  }
  const bool asks = reply.starts_with("-ASK ");
  if (!asks && !reply.starts_with("-MOVED ")) return false;
  const size_t start = reply.rfind(' ') + 1;
  const size_t colon = reply.rfind(':');
  const std::string host(reply.substr(start, colon - start));
  const int port = std::atoi(std::string(reply.substr(colon + 1)).c_str());
  if (NodeAt(ViewOf(server_.execution_parts(), thread_), host, port) == nullptr) {
    // A node of the next topology; or a script has written the error, which must not choose whom this node tells its
    // password.
    RetryLater(std::move(request));
    return true;
  }
  TakeOffAsking(request);
  if (asks) PutAskingBefore(request);
  SendTo(host, port, std::move(request));
  return true;
}

void Proxy::RetryLater(PassedRequest request) {
  to_retry_.push_back(std::move(request));
  if (to_retry_.size() > 1) return;
  retry_timer_.expires_after(kRetryAfter);
  retry_timer_.async_wait([this](std::error_code error) {
    if (error) return;
    std::vector<PassedRequest> again;
    again.swap(to_retry_);
    for (PassedRequest& each : again) {
      TakeOffAsking(each);
      each.asks = false;
      Leave(std::move(each));
    }
    FlushAll();
  });
}

void Proxy::Lost(PassedRequest request, bool was_sent, const std::string& why) {
  if (AskReplica(request)) return;
  End(request);
  const bool is_open = was_sent && !request.only_reads;
  Answer(request.place,
         Down(is_open ? "The owner of the slot was lost, and whether the command was executed is open: " + why
                      : "The owner of the slot can't be reached: " + why),
         0);
}

bool Proxy::AskReplica(PassedRequest& request) {
  if (!request.only_reads || request.is_with_replica || request.place.connection == 0 ||
      server_.options().cluster_read_from_replica == 0) {
    return false;
  }
  const ClusterView& view = ViewOf(server_.execution_parts(), thread_);
  if (request.shard >= view.topology.shards().size()) return false;
  const std::vector<size_t>& members = view.topology.shards()[request.shard].members;
  if (members.size() < 2) return false;
  request.is_with_replica = true;
  const cluster::Node& replica = view.topology.nodes()[members[1 + request.place.number % (members.size() - 1)]];
  ProxyLink& link =
      LinkTo({.host = replica.host, .port = replica.port, .protocol = request.protocol, .reads_replica = true});
  link.Send(std::move(request));
  return true;
}

}  // namespace ringkv::server
