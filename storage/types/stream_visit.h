// SPDX-License-Identifier: MIT
// Visits a stream as the effects that recreate it.
#pragma once

#include <algorithm>
#include <string>

#include "storage/base/byte_codec.h"
#include "storage/types/stream.h"

namespace ringkv::storage {

// Calls `visit(effect)`: entries first, then groups and pending entries.
template <typename Visitor>
void VisitStream(const Stream& stream, Visitor&& visit) {
  std::string fields;
  stream.Visit(kFirstStreamId, kLastStreamId, false, [&](const StreamEntry& entry) {
    fields.clear();
    entry.ForEachField([&](std::string_view name, std::string_view value) {
      PutText(&fields, name);
      PutText(&fields, value);
    });
    visit(StreamAppend{entry.id(), fields});
    return true;
  });
  if (stream.size() == 0) {  // only an entry makes a stream
    const StreamId id = std::max(stream.last_id(), kFirstStreamId.Next());
    visit(StreamAppend{id, std::string_view("\1f\1v", 4)});
    visit(StreamErase{id});
  }
  visit(StreamSetIds{stream.last_id(), stream.greatest_erased(), stream.added()});
  for (const auto& [name, group] : stream.groups()) {
    visit(StreamGroupPut{name, group.last_id, group.read});
    for (const auto& [consumer, state] : group.consumers()) visit(StreamConsumerPut{name, consumer, state.seen});
    for (const auto& [id, pending] : group.pending()) {
      visit(StreamPend{name, *pending.consumer, id, pending.delivered, pending.deliveries});
    }
  }
}

}  // namespace ringkv::storage
