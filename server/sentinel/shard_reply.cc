// SPDX-License-Identifier: MIT
#include "server/sentinel/shard_reply.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringkv::server {
namespace {

// Of Sentinel, for what is not done here in several steps.
constexpr int64_t kFailoverTimeoutMs = 180'000;

class Fields {
 public:
  void Add(std::string_view name, std::string value) { fields_.emplace_back(name, std::move(value)); }
  void Add(std::string_view name, int64_t value) { Add(name, std::to_string(value)); }

  void Write(resp::ReplyWriter& reply) const {
    reply.Map(static_cast<int64_t>(fields_.size()));
    for (const auto& [name, value] : fields_) {
      reply.Bulk(name);
      reply.Bulk(value);
    }
  }

 private:
  std::vector<std::pair<std::string_view, std::string>> fields_;
};

std::string_view NameOf(HandOver state) { return state == HandOver::kSelects ? "select_slave" : "wait_promotion"; }

std::string FlagsOf(const ShardNode& node, std::string_view type, HandOver hand_over) {
  std::string flags;
  if (node.is_down) flags += "s_down,";
  flags += type;
  if (!node.is_connected) flags += ",disconnected";
  if (hand_over != HandOver::kNone) flags += ",failover_in_progress";
  return flags;
}

// What is the same of all of them.
Fields Begin(std::string name, std::string_view type, const ShardView& view, const ShardNode& node,
             HandOver hand_over = HandOver::kNone) {
  Fields fields;
  fields.Add("name", std::move(name));
  fields.Add("ip", node.address.host);
  fields.Add("port", node.address.port);
  fields.Add("runid", node.report.run_id);
  fields.Add("flags", FlagsOf(node, type, hand_over));
  fields.Add("link-pending-commands", node.asked_ms > 0 ? 1 : 0);
  fields.Add("link-refcount", 1);
  if (hand_over != HandOver::kNone) fields.Add("failover-state", std::string(NameOf(hand_over)));
  fields.Add("last-ping-sent", node.asked_ms);
  fields.Add("last-ok-ping-reply", node.answered_ms);
  fields.Add("last-ping-reply", node.answered_ms);
  if (node.is_down) fields.Add("s-down-time", node.down_ms);
  fields.Add("down-after-milliseconds", view.down_after_ms);
  return fields;
}

void AddRole(Fields& fields, const ShardNode& node) {
  fields.Add("info-refresh", node.reported_ms);
  fields.Add("role-reported", std::string(node.report.is_primary ? "master" : "slave"));
  fields.Add("role-reported-time", node.in_role_ms);
}

}  // namespace

void WritePrimary(resp::ReplyWriter& reply, const ShardView& view) {
  const ShardNode& primary = view.primary;
  Fields fields = Begin(view.service, "master", view, primary, view.hand_over);
  AddRole(fields, primary);
  fields.Add("config-epoch", static_cast<int64_t>(primary.report.epoch.value_or(0)));
  fields.Add("num-slaves", static_cast<int64_t>(view.replicas.size()));
  fields.Add("num-other-sentinels", static_cast<int64_t>(view.answering.size()));
  fields.Add("quorum", static_cast<int64_t>(view.majority()));
  fields.Add("failover-timeout", kFailoverTimeoutMs);
  fields.Add("parallel-syncs", 1);
  fields.Write(reply);
}

void WriteReplica(resp::ReplyWriter& reply, const ShardView& view, const ShardNode& node) {
  Fields fields = Begin(node.address.Text(), "slave", view, node);
  AddRole(fields, node);
  fields.Add("master-link-down-time", node.report.unlinked_ms);
  fields.Add("master-link-status", std::string(node.report.is_linked ? "ok" : "err"));
  fields.Add("master-host", node.report.primary.is_known() ? node.report.primary.host : "?");
  fields.Add("master-port", node.report.primary.port);
  fields.Add("slave-priority", node.report.priority);
  fields.Add("slave-repl-offset", node.report.offset);
  fields.Add("replica-announced", node.report.is_announced ? 1 : 0);
  fields.Write(reply);
}

void WriteAnswering(resp::ReplyWriter& reply, const ShardView& view, const ShardNode& node) {
  Fields fields = Begin(node.report.run_id, "sentinel", view, node);
  fields.Add("last-hello-message", node.answered_ms);
  fields.Add("voted-leader", std::string("?"));
  fields.Add("voted-leader-epoch", 0);
  fields.Write(reply);
}

}  // namespace ringkv::server
