// SPDX-License-Identifier: MIT
// Common code of the stream commands: finding a stream and its groups, and entries as replies.
#pragma once

#include <string>

#include "server/command/error_replies.h"
#include "server/command/stream_ids.h"
#include "server/command/typed_key.h"
#include "storage/types/stream.h"

namespace ringkv::server {

inline std::optional<storage::Place> FindStream(DataCall& call, std::string_view key, storage::Intent intent) {
  return FindTyped(call, storage::ValueType::kStream, key, intent);
}

// Null if there is no stream, or no such group in it.
inline const storage::StreamGroup* GroupOf(const storage::Place& place, std::string_view group) {
  return place ? storage::StreamIn(place.entry()).FindGroup(group) : nullptr;
}

// Replies an entry: its ID, names and values.
void ReplyStreamEntry(resp::ReplyWriter& reply, const storage::StreamEntry& entry);

// The same with what is known of its deliveries: milliseconds since the last, and their number.
void ReplyDeliveredEntry(resp::ReplyWriter& reply, const storage::StreamEntry& entry, int64_t idle,
                         uint64_t deliveries);

// The number of entries in the range, at most `most`; 0: no limit.
size_t CountEntries(const storage::Stream& stream, const StreamRange& range, size_t most);

// For DataCall::TakesLong: what the entries that CountEntries would find take. Looks at no more of them than it must to
// know whether that is long, and says nothing of what is short in any case.
constexpr uint64_t kStepsOfEntry = 8;                     // in a reply
constexpr uint64_t kStepsOfDelivery = 4 * kStepsOfEntry;  // it is noted as pending too
uint64_t StepsOfEntries(const DataCall& call, const storage::Stream& stream, const StreamRange& range, size_t most,
                        uint64_t steps_of_one = kStepsOfEntry);

// Replies `count` entries of the range, which must exist, forward from its first or backward from its last.
void ReplyEntries(resp::ReplyWriter& reply, const storage::Stream& stream, const StreamRange& range, size_t count,
                  bool downwards = false);

// The NOGROUP error, and its text for commands that look up the key first.
std::string NoGroup(std::string_view key, std::string_view group);
std::string NoGroupOfKey(std::string_view key, std::string_view group);

// Updates the consumer's last activity and creates it if needed. The group must exist. `claims`: he makes entries his
// own, at whatever time they are said to be delivered.
void NoteConsumer(DataCall& call, storage::Place& place, std::string_view group, std::string_view consumer,
                  bool claims = false);

}  // namespace ringkv::server
