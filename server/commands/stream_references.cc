// SPDX-License-Identifier: MIT
#include "server/commands/stream_references.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "storage/effects/key_event.h"

namespace ringkv::server {

using storage::Stream;
using storage::StreamGroup;
using storage::StreamId;

bool TakeReferences(Arguments& args, std::optional<References>* references) {
  static constexpr struct {
    std::string_view word;
    References references;
  } kWords[] = {{"KEEPREF", References::kKept}, {"DELREF", References::kDropped}, {"ACKED", References::kForbidding}};
  if (*references) return false;
  for (const auto& each : kWords) {
    if (!args.Take(each.word)) continue;
    *references = each.references;
    return true;
  }
  return false;
}

bool IsReferenced(const Stream& stream, const StreamId& id) {
  return std::any_of(stream.groups().begin(), stream.groups().end(), [&](const auto& named) {
    const StreamGroup& group = named.second;
    return id > group.last_id || group.pending().contains(id);
  });
}

void DropReferences(DataCall& call, storage::Place& place, const StreamId& id) {
  for (const auto& [name, group] : storage::StreamIn(place.entry()).groups()) {
    if (!group.pending().contains(id)) continue;
    call.txn.Do(place, storage::StreamAcknowledge{name, id}, storage::events::kNone);
  }
}

std::vector<StreamId> FindUnreferenced(const Stream& stream, const storage::StreamTrimming& trimming) {
  std::vector<StreamId> found;
  size_t left = stream.size();
  if (trimming.most) left -= std::min<uint64_t>(left, *trimming.most);
  if (trimming.limit > 0) left = std::min<uint64_t>(left, trimming.limit);
  stream.Visit(storage::kFirstStreamId, storage::kLastStreamId, false, [&](const storage::StreamEntry& entry) {
    if (found.size() == left || (!trimming.most && entry.id() >= trimming.least)) return false;
    if (!IsReferenced(stream, entry.id())) found.push_back(entry.id());
    return true;
  });
  return found;
}

}  // namespace ringkv::server
