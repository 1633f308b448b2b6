// SPDX-License-Identifier: MIT
#include "cluster/failover/cluster_topology.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "cluster/node_id.h"

namespace ringkv::cluster {
namespace {

constexpr std::string_view kShardWord = "shard ";

// Calls `visit(name, line)` for each line of a shard, until it says false.
template <typename Visit>
void ForEachShard(std::string_view topology, Visit&& visit) {
  while (!topology.empty()) {
    const size_t end = std::min(topology.find('\n'), topology.size());
    const std::string_view line = topology.substr(0, end);
    topology.remove_prefix(std::min(end + 1, topology.size()));
    if (!line.starts_with(kShardWord)) continue;
    const std::string_view rest = line.substr(kShardWord.size());
    if (!visit(rest.substr(0, rest.find_first_of(" \t\r#")), line)) return;
  }
}

struct ComposedNode {
  std::string id;
  std::string shard;
  std::string host = {};
  int64_t port = 0;
  bool is_primary = false;
  // Of two at one address the later one has it.
  bool is_self = false;
  bool lives = false;
  int64_t revision = 0;
  auto rank() const { return std::make_tuple(is_self, lives, revision); }
};

// Only one node is at an address: one that has lost its disk is another node there.
void DropReplaced(std::vector<ComposedNode>* nodes) {
  std::map<std::pair<std::string, int64_t>, const ComposedNode*> at;
  for (const ComposedNode& each : *nodes) {
    const ComposedNode*& there = at[{each.host, each.port}];
    if (there == nullptr || there->rank() < each.rank()) there = &each;
  }
  std::set<std::string> kept;
  for (const auto& [address, node] : at) kept.insert(node->id);
  std::erase_if(*nodes, [&](const ComposedNode& each) { return !kept.contains(each.id); });
}

// Addresses for documentation, which nobody has (RFC 5737).
ComposedNode UnknownNodeOf(const std::string& shard, size_t number) {
  constexpr size_t kHosts = 250;
  constexpr int64_t kPort = 6379;
  return {.id = NodeIdOf("unknown node of " + shard),
          .shard = shard,
          .host = "192.0.2." + std::to_string(1 + number % kHosts),
          .port = kPort + static_cast<int64_t>(number / kHosts),
          .is_primary = true};
}

std::string LineOf(const ComposedNode& node) {
  return "node " + node.id + " shard " + node.shard + " host " + node.host + " port " + std::to_string(node.port) +
         " role " + (node.is_primary ? "primary" : "replica") + "\n";
}

class Composition {
 public:
  Composition(const ShardView& view, std::string_view cluster, const ComposingNode& self)
      : view_(view), cluster_(cluster), keys_(cluster), node_keys_(cluster), self_(self) {}

  std::optional<std::string> Compose() {
    const std::string_view topology = view_.ValueOf(keys_.topology());
    if (!ListsShard(topology, self_.shard)) return std::nullopt;
    std::string text = "epoch " + std::string(view_.ValueOf(keys_.epoch())) + "\n";
    ForEachShard(topology, [&](std::string_view name, std::string_view line) {
      text.append(line).append("\n");
      shards_.emplace_back(name);
      AddNodesOf(shards_.back());
      return true;
    });
    DropReplaced(&nodes_);
    for (size_t i = 0; i < shards_.size(); ++i) HavePrimary(shards_[i], i);
    for (const ComposedNode& node : nodes_) text += LineOf(node);
    return text;
  }

 private:
  void AddNodesOf(const std::string& shard) {
    const std::optional<ShardRecord> record = ParseShardRecord(view_.ValueOf(ShardKeys(cluster_, shard).record()));
    if (record) {
      for (const std::string& id : record->members) AddMember(id, shard, id == record->primary);
    }
    if (shard != self_.shard || is_self_there_) return;
    nodes_.push_back({self_.id, shard, self_.host, self_.port, false, true, true, 0});
  }
  void AddMember(const std::string& id, const std::string& shard, bool is_primary) {
    const auto other =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const ComposedNode& each) { return each.id == id; });
    if (other != nodes_.end()) {
      if (!is_primary) return;  // a node is of one shard
      nodes_.erase(other);
    }
    ComposedNode node{.id = id, .shard = shard, .is_primary = is_primary};
    if (id == self_.id) {
      if (shard != self_.shard) return;
      is_self_there_ = node.is_self = true;
      node.host = self_.host;
      node.port = self_.port;
    } else {
      const std::string key = keys_.address(id);
      const std::optional<LivingNode> address = ParseLivingNode(view_.ValueOf(key));
      if (!address) return;
      node.host = address->host;
      node.port = address->port;
      node.revision = view_.RevisionOf(key);
      node.lives = view_.RevisionOf(node_keys_.node(id)) != 0;
    }
    nodes_.push_back(std::move(node));
  }
  // If the primary is not known to be anywhere, another node stands in its line; it does not act as one.
  void HavePrimary(const std::string& shard, size_t number) {
    ComposedNode* first = nullptr;
    for (ComposedNode& node : nodes_) {
      if (node.shard != shard) continue;
      if (node.is_primary) return;
      if (first == nullptr) first = &node;
    }
    if (first != nullptr) {
      first->is_primary = true;
    } else {
      nodes_.push_back(UnknownNodeOf(shard, number));
    }
  }

  const ShardView& view_;
  const std::string_view cluster_;
  const ClusterKeys keys_;
  const NodeKeys node_keys_;
  const ComposingNode& self_;
  std::vector<std::string> shards_;
  std::vector<ComposedNode> nodes_;
  bool is_self_there_ = false;
};

}  // namespace

storage::Result<Topology> ParseKeptTopology(std::string_view text) {
  std::string with_nodes(text);
  if (!text.empty() && text.back() != '\n') with_nodes += '\n';
  size_t number = 0;
  ForEachShard(text, [&](std::string_view name, std::string_view) {
    with_nodes += LineOf(UnknownNodeOf(std::string(name), number++));
    return true;
  });
  return Topology::Parse(with_nodes);
}

std::string PrintKept(const Topology& topology) {
  const std::string text = topology.Print();
  const size_t nodes = text.find("\nnode ");
  return text.substr(0, nodes == std::string::npos ? nodes : nodes + 1);
}

uint64_t ParseEpoch(std::string_view text) {
  uint64_t epoch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  return error == std::errc() && end == text.data() + text.size() ? epoch : 0;
}

bool ListsShard(std::string_view topology, std::string_view shard) {
  bool is_listed = false;
  ForEachShard(topology, [&](std::string_view name, std::string_view) { return !(is_listed = name == shard); });
  return is_listed;
}

std::optional<std::string> ComposeTopology(const ShardView& view, std::string_view cluster, const ComposingNode& self) {
  return Composition(view, cluster, self).Compose();
}

}  // namespace ringkv::cluster
