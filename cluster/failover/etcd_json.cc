// SPDX-License-Identifier: MIT
#include "cluster/failover/etcd_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "cluster/checked_lines.h"
#include "storage/base/base64.h"

namespace ringkv::cluster {
namespace {

using Json = nlohmann::json;
using Outcome = EtcdAnswer::Outcome;

// --- requests -------------------------------------------------------------------------------------------------------

// The first key behind all that begin so.
std::string EndOf(std::string prefix) {
  ++prefix.back();  // no prefix here ends with the highest byte
  return prefix;
}

Json RangeOf(const std::string& prefix) {
  return {{"key", storage::EncodeBase64(prefix)}, {"range_end", storage::EncodeBase64(EndOf(prefix))}};
}

Json EncodeCommit(const CommitKeys& commit) {
  Json json = {{"compare", Json::array()}, {"success", Json::array()}};
  for (const auto& condition : commit.conditions) {
    json["compare"].push_back({{"key", storage::EncodeBase64(condition.key)},
                               {"target", "MOD"},
                               {"result", "EQUAL"},
                               {"mod_revision", std::to_string(condition.mod_revision)}});
  }
  for (const auto& put : commit.puts) {
    const Json body = {{"key", storage::EncodeBase64(put.key)},
                       {"value", storage::EncodeBase64(put.value)},
                       {"lease", std::to_string(put.lease)}};
    json["success"].push_back({{"request_put", body}});
  }
  for (const std::string& key : commit.deletes) {
    json["success"].push_back({{"request_delete_range", {{"key", storage::EncodeBase64(key)}}}});
  }
  return json;
}

struct Encoder {
  EtcdPost operator()(const GrantLease& grant) const {
    return {"/v3/lease/grant", Json{{"TTL", std::to_string(grant.ttl_seconds)}}.dump()};
  }
  EtcdPost operator()(const KeepLease& keep) const {
    return {"/v3/lease/keepalive", Json{{"ID", std::to_string(keep.lease)}}.dump()};
  }
  EtcdPost operator()(const RevokeLease& revoke) const {
    return {"/v3/lease/revoke", Json{{"ID", std::to_string(revoke.lease)}}.dump()};
  }
  EtcdPost operator()(const LookAtLease& look) const {
    return {"/v3/lease/timetolive", Json{{"ID", std::to_string(look.lease)}}.dump()};
  }
  EtcdPost operator()(const ReadKeys& read) const { return {"/v3/kv/range", RangeOf(read.prefix).dump()}; }
  EtcdPost operator()(const WatchKeys& watch) const {
    Json range = RangeOf(watch.prefix);
    range["start_revision"] = std::to_string(watch.from_revision);
    return {"/v3/watch", Json{{"create_request", range}}.dump()};
  }
  EtcdPost operator()(const CommitKeys& commit) const { return {"/v3/kv/txn", EncodeCommit(commit).dump()}; }
};

// --- answers --------------------------------------------------------------------------------------------------------

// The gateway writes 64-bit numbers as texts, and leaves out what is zero.
int64_t NumberIn(const Json& json, const char* name) {
  uint64_t number = 0;
  const auto found = json.find(name);
  if (found == json.end()) return 0;
  if (found->is_number_integer()) return found->get<int64_t>();
  return found->is_string() && ParseNumber(found->get_ref<const std::string&>(), &number) ? static_cast<int64_t>(number)
                                                                                          : 0;
}

std::string TextIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool IsTrue(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

// An object without anything if there is none.
const Json& ObjectIn(const Json& json, const char* name) {
  static const Json kNothing = Json::object();
  const auto found = json.find(name);
  return found != json.end() && found->is_object() ? *found : kNothing;
}

std::optional<EtcdKey> DecodeKey(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  std::optional<std::string> key = storage::DecodeBase64(TextIn(json, "key"));
  std::optional<std::string> value = storage::DecodeBase64(TextIn(json, "value"));
  if (!key || !value) return std::nullopt;
  return EtcdKey{std::move(*key), std::move(*value), NumberIn(json, "mod_revision"), NumberIn(json, "lease")};
}

// False if it is damaged.
bool DecodeKeys(const Json& json, const char* name, bool are_events, std::vector<EtcdKey>* keys) {
  const auto found = json.find(name);
  if (found == json.end()) return true;
  if (!found->is_array()) return false;
  for (const Json& each : *found) {
    if (!each.is_object()) return false;
    std::optional<EtcdKey> key = DecodeKey(are_events ? ObjectIn(each, "kv") : each);
    if (!key) return false;
    key->is_deleted = are_events && TextIn(each, "type") == "DELETE";
    keys->push_back(std::move(*key));
  }
  return true;
}

EtcdAnswer Fail(Outcome outcome, std::string error) { return {.outcome = outcome, .error = std::move(error)}; }

EtcdAnswer DecodeFailure(int64_t http_status, const Json& json) {
  std::string error = TextIn(json, "message");
  if (error.empty()) error = TextIn(json, "error");
  if (error.empty()) error = TextIn(ObjectIn(json, "error"), "message");
  if (error.empty()) error = "HTTP status " + std::to_string(http_status);
  // Not found: the lease. Whatever else went wrong, it may have happened.
  return Fail(http_status == 404 ? Outcome::kRefused : Outcome::kUnknown, std::move(error));
}

EtcdAnswer DecodeBody(const EtcdRequest& request, const Json& body) {
  const bool is_stream = std::holds_alternative<KeepLease>(request) || std::holds_alternative<WatchKeys>(request);
  const Json& json = is_stream ? ObjectIn(body, "result") : body;
  EtcdAnswer answer{.outcome = Outcome::kDone, .revision = NumberIn(ObjectIn(json, "header"), "revision")};
  if (answer.revision == 0) return Fail(Outcome::kUnknown, "an answer without a revision");
  if (std::holds_alternative<GrantLease>(request) || std::holds_alternative<KeepLease>(request) ||
      std::holds_alternative<LookAtLease>(request)) {
    answer.lease = NumberIn(json, "ID");
    answer.ttl_seconds = NumberIn(json, "TTL");
    if (answer.ttl_seconds <= 0 || answer.lease == 0) return Fail(Outcome::kRefused, "the lease has expired");
  } else if (std::holds_alternative<CommitKeys>(request)) {
    if (!IsTrue(json, "succeeded")) return Fail(Outcome::kRefused, "the keys have changed");
  } else if (std::holds_alternative<WatchKeys>(request)) {
    if (IsTrue(json, "canceled"))
      return Fail(Outcome::kUnknown, "the watch was ended: " + TextIn(json, "cancel_reason"));
    if (!DecodeKeys(json, "events", true, &answer.keys)) return Fail(Outcome::kUnknown, "an event that is none");
  } else if (!DecodeKeys(json, "kvs", false, &answer.keys)) {
    return Fail(Outcome::kUnknown, "a key that is none");
  }
  return answer;
}

}  // namespace

EtcdPost EncodeEtcd(const EtcdRequest& request) { return std::visit(Encoder(), request); }

EtcdAnswer DecodeEtcd(const EtcdRequest& request, int64_t http_status, std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return Fail(Outcome::kUnknown, "an answer that is no JSON object");
  if (http_status != 200 || json.contains("error")) return DecodeFailure(http_status, json);
  return DecodeBody(request, json);
}

bool SaysNothing(const EtcdAnswer& of_watch) { return of_watch.outcome == Outcome::kDone && of_watch.keys.empty(); }

EtcdPost EncodeEtcdLogin(std::string_view user, std::string_view password) {
  return {"/v3/auth/authenticate", Json{{"name", user}, {"password", password}}.dump()};
}

std::string DecodeEtcdToken(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  return json.is_object() ? TextIn(json, "token") : std::string();
}

}  // namespace ringkv::cluster
