// SPDX-License-Identifier: MIT
#include "server/sentinel/node_report.h"

#include <algorithm>
#include <cctype>

#include "resp/integer_text.h"

namespace ringkv::server {
namespace {

constexpr size_t kMostReplicas = 128;
constexpr size_t kLongestName = 255;  // of hosts, ids and services

// The text up to the separator, which is removed with it.
std::string_view TakeUntil(char separator, std::string_view* text) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view taken = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return taken;
}

int64_t Number(std::string_view text) { return resp::ParseInteger(text).value_or(0); }

bool IsNumbered(std::string_view key, std::string_view word) {
  return key.starts_with(word) && key.size() > word.size() &&
         std::all_of(key.begin() + static_cast<std::ptrdiff_t>(word.size()), key.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The value of a field in a list of name=value.
std::string_view FieldOf(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    std::string_view value = TakeUntil(',', &list);
    if (TakeUntil('=', &value) == name) return value;
  }
  return {};
}

NodeAddress AddressOf(std::string_view host, std::string_view port) {
  const int64_t number = Number(port);
  return IsNodeHost(host) && IsNodePort(number) ? NodeAddress{std::string(host), number} : NodeAddress();
}

struct TextField {
  std::string_view key;
  void (*read)(std::string_view value, NodeReport& report);
};

constexpr TextField kTextFields[] = {
    {"run_id", [](std::string_view value, NodeReport& report) { report.run_id = value; }},
    {"master_host", [](std::string_view value, NodeReport& report) { report.primary.host = value; }},
    {"master_port", [](std::string_view value, NodeReport& report) { report.primary.port = Number(value); }},
    {"master_link_status", [](std::string_view value, NodeReport& report) { report.is_linked = value == "up"; }},
    {"master_link_down_since_seconds",
     [](std::string_view value, NodeReport& report) {
       report.unlinked_ms = 1000 * std::clamp<int64_t>(Number(value), 0, INT32_MAX);
     }},
    {"slave_priority", [](std::string_view value, NodeReport& report) { report.priority = Number(value); }},
    {"replica_announced", [](std::string_view value, NodeReport& report) { report.is_announced = value != "0"; }},
    {"repl_epoch", [](std::string_view value, NodeReport& report) { report.epoch = resp::ParseUnsigned(value); }},
};

// Offsets of both roles are there; the role says which one counts.
struct Offsets {
  int64_t primary = 0;
  int64_t replica = 0;
};

void ReadLine(std::string_view key, std::string_view value, NodeReport& report, Offsets& offsets) {
  if (key == "master_repl_offset") offsets.primary = Number(value);
  if (key == "slave_repl_offset") offsets.replica = Number(value);
  if (IsNumbered(key, "slave") && report.replicas.size() < kMostReplicas) {
    NodeAddress address = AddressOf(FieldOf(value, "ip"), FieldOf(value, "port"));
    if (address.is_known()) report.replicas.push_back(std::move(address));
  }
  if (IsNumbered(key, "master")) report.service = FieldOf(value, "name");
  for (const TextField& field : kTextFields) {
    if (field.key == key) field.read(value, report);
  }
}

}  // namespace

bool IsNodeHost(std::string_view host) {
  return !host.empty() && host.size() <= kLongestName &&
         std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

std::optional<NodeReport> ParseReport(std::string_view info) {
  NodeReport report;
  Offsets offsets;
  bool has_role = false;
  while (!info.empty()) {
    std::string_view value = TakeUntil('\n', &info);
    if (value.ends_with('\r')) value.remove_suffix(1);
    const std::string_view key = TakeUntil(':', &value);
    if (key == "role") {
      has_role = true;
      report.is_primary = value == "master";
    }
    ReadLine(key, value, report, offsets);
  }
  if (!has_role) return std::nullopt;
  if (report.run_id.size() > kLongestName || report.service.size() > kLongestName) return std::nullopt;
  report.offset = report.is_primary ? offsets.primary : offsets.replica;
  if (report.is_primary || !IsNodeHost(report.primary.host) || !IsNodePort(report.primary.port)) report.primary = {};
  return report;
}

}  // namespace ringkv::server
