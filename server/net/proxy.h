// SPDX-License-Identifier: MIT
// cluster-redirect proxy: what clients of this thread ask that other nodes have to answer, goes to those and comes
// back, over one connection to each.
//
// Threads: confined to one I/O thread.
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "server/execution/proxy_plan.h"
#include "server/net/proxy_link.h"

namespace ringkv::server {

class Proxy final : private ProxyLink::Owner {
 public:
  // `thread` must outlive the proxy. Its connections end with it; who waits for them isn't told.
  explicit Proxy(IoThread& thread);
  ~Proxy();

  // Has the request answered by its shard's primary, behind ASKING if `asks`.
  void Pass(PassedRequest request, bool asks);
  // Has the parts of a request answered as the plan says; those that `answer_here` takes, it answers. `request` has the
  // place for the reply.
  using AnswerHere = std::function<bool(const ProxyPart& part, const ReplyPlace& place)>;
  void PassOn(const ProxyPlan& plan, PassedRequest request, const AnswerHere& answer_here);
  // Sends the request to all other nodes, or to those of this one's shard; nobody waits for what they answer.
  void TellNodes(bool only_own_shard, const std::string& request);
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
  void AnsweredTooLong(PassedRequest request) override { Refuse(request.place); }
  void Lost(PassedRequest request, bool was_sent, const std::string& why) override;
  void FlushLater(ProxyLink* link) override { to_flush_.push_back(link); }
  ProxyLink& LinkTo(const std::string& host, int port, int protocol, bool reads_replica);
  // Keeps one of the replies that are joined until all are there. False if it was the last: `reply` is the whole then.
  bool KeepPart(const ReplyPlace& place, std::string* reply, storage::Lsn* lsn);
  // Sends it where the error says. False if it says nothing of the kind.
  bool FollowRedirection(PassedRequest& request, std::string_view reply);
  bool AskReplica(PassedRequest& request);
  // A message for the node is lost: it does not read.
  void NoteDropped(const std::string& node_id);
  void RetryLater(PassedRequest request);

  IoThread& thread_;
  std::map<std::tuple<std::string, int, int, bool>, std::unique_ptr<ProxyLink>> links_;
  std::vector<ProxyLink*> to_flush_;
  asio::steady_timer retry_timer_;
  std::vector<PassedRequest> to_retry_;
  int64_t next_drop_warning_ms_ = 0;
};

}  // namespace ringkv::server
