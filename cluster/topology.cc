// SPDX-License-Identifier: MIT
#include "cluster/topology.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cluster/node_id.h"

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::Status;
using Line = std::vector<std::string_view>;

constexpr size_t kLongestName = 40;
constexpr size_t kLongestHost = 255;
constexpr size_t kMostShards = 1000;
constexpr size_t kMostNodes = 4000;

Line WordsOf(std::string_view line) {
  Line words;
  line = line.substr(0, line.find('#'));
  constexpr std::string_view kBlanks = " \t\r";
  for (size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string PrintWeight(double weight) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", weight);
  return text;
}

}  // namespace

class Topology::Reader {
 public:
  storage::Result<Topology> Read(std::string_view text) {
    size_t number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const Line words = WordsOf(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (words.empty()) continue;
      if (Status read = ReadLine(words); !read) {
        return Fail("line " + std::to_string(number) + ": " + read.error().text);
      }
    }
    if (Status whole = Finish(); !whole) return tl::unexpected(whole.error());
    return std::move(topology_);
  }

 private:
  Status ReadLine(const Line& words) {
    if (words[0] == "epoch") return ReadEpoch(words);
    if (words[0] == "shard") return ReadShard(words);
    if (words[0] == "node") return ReadNode(words);
    return Fail("'" + std::string(words[0]) + "' is unknown; a line begins with epoch, shard or node");
  }

  Status ReadEpoch(const Line& words) {
    const auto epoch = words.size() == 2 ? ParseNumber<uint64_t>(words[1]) : std::nullopt;
    if (!epoch || *epoch == 0) return Fail("it takes a number above 0, such as 'epoch 1'");
    topology_.epoch_ = *epoch;
    return {};
  }

  Status ReadShard(const Line& words) {
    Shard shard;
    if (words.size() < 2 || !IsName(words[1])) {
      return Fail("a shard has a name of up to 40 letters, digits, - and _, such as 'shard s1 weight 1'");
    }
    shard.name = words[1];
    if (shards_.contains(shard.name)) return Fail("shard '" + shard.name + "' is listed twice");
    if (topology_.shards_.size() == kMostShards) return Fail("there are more than 1000 shards");
    size_t next = 2;
    if (words.size() >= 4 && words[2] == "weight") {
      const auto weight = ParseNumber<double>(words[3]);
      constexpr double kMostWeight = 1000;
      if (!weight || !(*weight >= 0) || *weight > kMostWeight) return Fail("a weight is a number from 0 to 1000");
      shard.weight = *weight;
      next = 4;
    }
    const auto index = static_cast<ShardIndex>(topology_.shards_.size());
    if (next < words.size()) {
      if (words[next] != "slots")
        return Fail("after 'shard " + shard.name + "' only 'weight W' and 'slots A-B ...' may follow");
      const auto ranges = ParseRanges(Line(words.begin() + static_cast<std::ptrdiff_t>(next) + 1, words.end()));
      if (!ranges) return tl::unexpected(ranges.error());
      topology_.has_given_slots_ = true;
      for (const SlotRange& range : *ranges) {
        for (size_t slot = range.first; slot <= range.last; ++slot) {
          if (topology_.slots_.owner(slot) != kNoShard) {
            return Fail("slot " + std::to_string(slot) + " is assigned to two shards");
          }
        }
        topology_.slots_.Give(range, index);
      }
    }
    shards_[shard.name] = index;
    topology_.shards_.push_back(std::move(shard));
    return {};
  }

  Status ReadNode(const Line& words) {
    constexpr const char* kForm =
        "it takes 'node ID shard NAME host HOST port PORT role primary' (or replica), and may end in 'http PORT'";
    const bool has_http = words.size() == 12 && words[10] == "http";
    if ((words.size() != 10 && !has_http) || words[2] != "shard" || words[4] != "host" || words[6] != "port" ||
        words[8] != "role") {
      return Fail(kForm);
    }
    Node node{.id = std::string(words[1]), .public_id = NodeIdOf(words[1]), .host = std::string(words[5])};
    if (!IsName(node.id)) return Fail("a node has an id of up to 40 letters, digits, - and _");
    if (node.host.size() > kLongestHost) return Fail("a host has at most 255 bytes");
    if (!ids_.insert(node.public_id).second) return Fail("node '" + node.id + "' is listed twice");
    if (topology_.nodes_.size() == kMostNodes) return Fail("there are more than 4000 nodes");
    const auto shard = shards_.find(std::string(words[3]));
    if (shard == shards_.end()) {
      return Fail("shard '" + std::string(words[3]) + "' is unknown; list it before its nodes");
    }
    node.shard = shard->second;
    const auto port = ParseNumber<int>(words[7]);
    const auto http_port = has_http ? ParseNumber<int>(words[11]) : port;
    for (const auto& each : {port, http_port}) {
      if (!each || *each <= 0 || *each > 65535) return Fail("a port is a number from 1 to 65535");
    }
    node.port = *port;
    if (has_http) node.http_port = *http_port;
    const auto [other, is_new] = addresses_.try_emplace({node.host, node.port}, node.id);
    if (!is_new) return Fail("it has the host and port of node '" + other->second + "'");
    if (words[9] != "primary" && words[9] != "replica") return Fail(kForm);
    node.is_primary = words[9] == "primary";
    Shard& of = topology_.shards_[node.shard];
    const size_t index = topology_.nodes_.size();
    if (node.is_primary) {
      if (!of.members.empty() && topology_.nodes_[of.members[0]].is_primary) {
        return Fail("shard '" + of.name + "' has two primaries");
      }
      of.members.insert(of.members.begin(), index);
    } else {
      of.members.push_back(index);
    }
    topology_.nodes_.push_back(std::move(node));
    return {};
  }

  Status Finish() {
    if (topology_.epoch_ == 0) return Fail("there is no line 'epoch N'");
    if (topology_.shards_.empty()) return Fail("there is no line 'shard NAME'");
    double weights = 0;
    for (const Shard& shard : topology_.shards_) {
      if (shard.members.empty() || !topology_.nodes_[shard.members[0]].is_primary) {
        return Fail("shard '" + shard.name + "' has no primary");
      }
      weights += shard.weight;
    }
    if (weights <= 0) return Fail("all weights are 0");
    if (!topology_.has_given_slots_) {
      topology_.slots_ = LayOut(topology_.RingShards());
    }
    for (const SlotMap::Run& run : topology_.slots_.Runs()) {
      if (run.owner == kNoShard) {
        return Fail("slots " + PrintRanges({run.range}) +
                    " have no shard; assign all slots, or none to let the ring assign them");
      }
    }
    return {};
  }

  Topology topology_;
  std::map<std::string, ShardIndex> shards_;
  std::set<std::string> ids_;
  std::map<std::pair<std::string, int>, std::string> addresses_;  // of the nodes
};

storage::Result<Topology> Topology::Parse(std::string_view text) { return Reader().Read(text); }

std::string Topology::Print() const { return PrintAs(epoch_, true); }

std::string Topology::PrintNext() const { return PrintAs(epoch_ + 1, false); }

std::string Topology::PrintAs(uint64_t epoch, bool with_slots) const {
  std::string text = "epoch " + std::to_string(epoch) + "\n";
  for (size_t i = 0; i < shards_.size(); ++i) {
    text += "shard " + shards_[i].name + " weight " + PrintWeight(shards_[i].weight);
    if (with_slots) {
      const std::vector<SlotRange> ranges = slots_.RangesOf(static_cast<ShardIndex>(i));
      text += ranges.empty() ? " slots" : " slots " + PrintRanges(ranges);
    }
    text += "\n";
  }
  for (const Node& node : nodes_) {
    text += "node " + node.id + " shard " + shards_[node.shard].name + " host " + node.host + " port " +
            std::to_string(node.port) + " role " + (node.is_primary ? "primary" : "replica") +
            (node.http_port == 0 ? "" : " http " + std::to_string(node.http_port)) + "\n";
  }
  return text;
}

std::vector<RingShard> Topology::RingShards() const {
  std::vector<RingShard> on_ring;
  for (const Shard& shard : shards_) on_ring.push_back({shard.name, shard.weight});
  return on_ring;
}

Topology Topology::WithSlots(const SlotMap& slots) const {
  Topology other = *this;
  other.slots_ = slots;
  other.has_given_slots_ = true;
  return other;
}

Topology Topology::WithPrimary(std::string_view id) const {
  Topology next = *this;
  ++next.epoch_;
  const auto node =
      std::find_if(next.nodes_.begin(), next.nodes_.end(), [&](const Node& each) { return each.id == id; });
  std::vector<size_t>& members = next.shards_[node->shard].members;
  next.nodes_[members[0]].is_primary = false;
  node->is_primary = true;
  std::iter_swap(members.begin(),
                 std::find(members.begin(), members.end(), static_cast<size_t>(node - next.nodes_.begin())));
  return next;
}

ShardIndex Topology::FindShard(std::string_view name) const {
  const auto found =
      std::find_if(shards_.begin(), shards_.end(), [&](const Shard& shard) { return shard.name == name; });
  return found == shards_.end() ? kNoShard : static_cast<ShardIndex>(found - shards_.begin());
}

const Node* Topology::FindNode(std::string_view id) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const Node& node) { return node.id == id || node.public_id == id; });
  return found == nodes_.end() ? nullptr : &*found;
}

}  // namespace ringkv::cluster
