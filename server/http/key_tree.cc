// SPDX-License-Identifier: MIT
#include "server/http/key_tree.h"

#include "server/http/json.h"
#include "storage/types/type_table.h"

namespace ringkv::server::http {

void KeyTree::Add(const storage::Entry& entry, const Details& details, int64_t now_ms) {
  const std::string_view key = entry.key();
  const std::string_view shown = key.substr(0, kLongestName);
  const uint64_t bytes = details.bytes ? entry.MemorySize() : 0;
  const size_t end = separator_.empty() ? std::string_view::npos : shown.find(separator_, prefix_.size());
  if (end != std::string_view::npos) {
    const std::string_view name = shown.substr(0, end + separator_.size());
    const auto found = branches_.find(name);
    Branch& branch = found != branches_.end() ? found->second : branches_[std::string(name)];
    ++branch.keys;
    branch.bytes += bytes;
    return;
  }
  if (!keys_.empty()) keys_ += ',';
  keys_ += "{\"key\":" + ToJson(shown);
  if (shown.size() < key.size()) keys_ += ",\"length\":" + std::to_string(key.size());
  if (details.type) keys_.append(",\"type\":\"").append(storage::TypeName(entry.type())).append("\"");
  if (details.bytes) keys_ += ",\"bytes\":" + std::to_string(bytes);
  if (details.ttl && entry.has_expiry()) keys_ += ",\"ttl\":" + std::to_string(entry.expiry() - now_ms);
  keys_ += '}';
}

std::string KeyTree::Json() const {
  std::string json = "\"branches\":[";
  bool is_first = true;
  for (const auto& [name, branch] : branches_) {
    json += (is_first ? "{\"name\":" : ",{\"name\":") + ToJson(name) + ",\"keys\":" + std::to_string(branch.keys) +
            ",\"bytes\":" + std::to_string(branch.bytes) + "}";
    is_first = false;
  }
  return json + "],\"keys\":[" + keys_ + "]";
}

}  // namespace ringkv::server::http
