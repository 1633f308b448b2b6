// SPDX-License-Identifier: MIT
#include "cluster/failover/shard_keys.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ringkv::cluster {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Calls `read` with the object; null if the text is none or lacks something.
template <typename Value, typename Read>
std::optional<Value> Parse(std::string_view text, Read&& read) {
  const OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return read(json);
  } catch (const OrderedJson::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string Print(const ShardRecord& record) {
  return OrderedJson{
      {"epoch", record.epoch}, {"primary", record.primary}, {"in-sync", record.in_sync}, {"members", record.members}}
      .dump();
}

std::string Print(const Lead& lead) {
  return OrderedJson{{"id", lead.id}, {"epoch", lead.epoch}, {"host", lead.host}, {"port", lead.port}}.dump();
}

std::string Print(const Candidate& candidate) {
  return OrderedJson{
      {"after", candidate.after}, {"epoch", candidate.epoch}, {"last", candidate.last}, {"intact", candidate.is_intact}}
      .dump();
}

std::string Print(const LivingNode& node) {
  return OrderedJson{{"shard", node.shard}, {"host", node.host}, {"port", node.port}, {"version", node.version}}.dump();
}

std::string Print(const Handover& handover) {
  return OrderedJson{{"heir", handover.heir},
                     {"after", handover.after},
                     {"ready", handover.is_ready},
                     {"host", handover.host},
                     {"port", handover.port}}
      .dump();
}

bool IsAmong(const std::vector<std::string>& ids, std::string_view id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::optional<ShardRecord> ParseShardRecord(std::string_view text) {
  return Parse<ShardRecord>(text, [](const OrderedJson& json) {
    return ShardRecord{json.at("epoch").get<uint64_t>(), json.at("primary").get<std::string>(),
                       json.at("in-sync").get<std::vector<std::string>>(),
                       json.at("members").get<std::vector<std::string>>()};
  });
}

std::optional<Lead> ParseLead(std::string_view text) {
  return Parse<Lead>(text, [](const OrderedJson& json) {
    return Lead{json.at("id").get<std::string>(), json.at("epoch").get<uint64_t>(), json.at("host").get<std::string>(),
                json.at("port").get<int64_t>()};
  });
}

std::optional<Candidate> ParseCandidate(std::string_view text) {
  return Parse<Candidate>(text, [](const OrderedJson& json) {
    return Candidate{json.at("after").get<uint64_t>(), json.at("epoch").get<uint64_t>(),
                     json.at("last").get<storage::Lsn>(), json.at("intact").get<bool>()};
  });
}

std::optional<LivingNode> ParseLivingNode(std::string_view text) {
  return Parse<LivingNode>(text, [](const OrderedJson& json) {
    return LivingNode{json.at("shard").get<std::string>(), json.at("host").get<std::string>(),
                      json.at("port").get<int64_t>(), json.at("version").get<std::string>()};
  });
}

std::optional<Handover> ParseHandover(std::string_view text) {
  return Parse<Handover>(text, [](const OrderedJson& json) {
    return Handover{json.at("heir").get<std::string>(), json.at("after").get<uint64_t>(), json.at("ready").get<bool>(),
                    json.at("host").get<std::string>(), json.at("port").get<int64_t>()};
  });
}

}  // namespace ringkv::cluster
