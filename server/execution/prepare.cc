// SPDX-License-Identifier: MIT
#include <optional>
#include <string_view>

#include "server/execution/execution.h"
#include "server/execution/execution_parts.h"
#include "server/session/session.h"
#include "server/session/thread_state.h"

namespace ringkv::server {
namespace {

// Mostly of few bytes, for which a call costs more than the comparison.
bool IsSameName(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  size_t i = 0;
  while (i < one.size() && one[i] == other[i]) ++i;
  return i == one.size();
}

// Different keys mostly differ at their ends.
bool IsSameKey(std::string_view one, std::string_view other) {
  return one.size() == other.size() && (one.empty() || (one.back() == other.back() && one == other));
}

// The only key of a request; null if it has several, or none, or is invalid. A script has few others than it declares.
const std::string_view* OnlyKey(const CommandEntry& entry, std::span<const std::string_view> argv) {
  const Command& row = *entry.row;
  if (!row.ArityFits(argv.size())) return nullptr;
  const auto first = static_cast<size_t>(row.keys.first);
  if (entry.has_one_key) return &argv[first];
  return row.Has(kRunsScript) && first < argv.size() && argv[first - 1] == "1" ? &argv[first] : nullptr;
}

// Finds the commands of a batch, one after the other: often it is the same name again.
class BatchLookup {
 public:
  explicit BatchLookup(const CommandTable& table) : table_(table) {}
  const CommandEntry* Find(std::span<const std::string_view> argv) {
    if (last_ != nullptr && IsSameName(argv[0], name_)) return last_;
    const CommandEntry* found = table_.Find(argv);
    last_ = found != nullptr && found->IsKnownByName() ? found : nullptr;
    name_ = argv[0];
    return found;
  }

 private:
  const CommandTable& table_;
  std::string_view name_;
  const CommandEntry* last_ = nullptr;
};

}  // namespace

void Prepare(const ExecutionParts& parts, ThreadState& thread, const Session& session, std::span<Request> requests) {
  BatchLookup lookup(parts.commands);
  std::string_view key_before;
  storage::Position position;
  bool has_position = false;
  thread.txn.BeginPrefetch();
  for (Request& request : requests) {
    if (request.argv.empty()) continue;
    request.entry = lookup.Find(request.argv);
    request.is_looked_up = true;
    if (request.entry == nullptr || session.queue.is_open()) continue;
    const std::string_view* const key = OnlyKey(*request.entry, request.argv);
    if (key == nullptr) continue;
    // Consecutive commands of a client often use the same key, which is prefetched already.
    if (!has_position || !IsSameKey(*key, key_before)) position = thread.txn.PrefetchBucket(session.db, *key);
    has_position = true;
    key_before = *key;
    request.position = position;
  }
  std::optional<storage::Position> position_before;
  for (const Request& request : requests) {
    if (!request.position || (position_before && request.position->value == position_before->value)) continue;
    thread.txn.PrefetchEntry(session.db, *request.position, request.entry->row->Is(kDenyOom));
    position_before = request.position;
  }
}

}  // namespace ringkv::server
