// SPDX-License-Identifier: MIT
#include "server/commands/stream_reply.h"

#include "storage/effects/key_event.h"

namespace ringkv::server {

namespace events = storage::events;
using storage::StreamEntry;

namespace {

void ReplyIdAndFields(resp::ReplyWriter& reply, const StreamEntry& entry) {
  reply.Bulk(storage::StreamIdText(entry.id()));
  reply.Array(static_cast<int64_t>(2 * entry.field_count()));
  entry.ForEachField([&](std::string_view name, std::string_view value) {
    reply.Bulk(name);
    reply.Bulk(value);
  });
}

}  // namespace

void ReplyStreamEntry(resp::ReplyWriter& reply, const StreamEntry& entry) {
  reply.Array(2);
  ReplyIdAndFields(reply, entry);
}

void ReplyDeliveredEntry(resp::ReplyWriter& reply, const StreamEntry& entry, int64_t idle, uint64_t deliveries) {
  reply.Array(4);
  ReplyIdAndFields(reply, entry);
  reply.Integer(idle);
  reply.Integer(static_cast<int64_t>(deliveries));
}

size_t CountEntries(const storage::Stream& stream, const StreamRange& range, size_t most) {
  size_t count = 0;
  stream.Visit(range.first, range.last, false, [&](const StreamEntry&) { return ++count != most; });
  return count;
}

uint64_t StepsOfEntries(const DataCall& call, const storage::Stream& stream, const StreamRange& range, size_t most,
                        uint64_t steps_of_one) {
  const uint64_t enough = call.most_steps / steps_of_one + 1;
  const bool are_few = stream.size() < enough || (most != 0 && most < enough);
  return are_few ? 0 : CountEntries(stream, range, enough) * steps_of_one;
}

void ReplyEntries(resp::ReplyWriter& reply, const storage::Stream& stream, const StreamRange& range, size_t count,
                  bool downwards) {
  reply.Array(static_cast<int64_t>(count));
  if (count == 0) return;
  stream.Visit(range.first, range.last, downwards, [&](const StreamEntry& entry) {
    ReplyStreamEntry(reply, entry);
    return --count > 0;
  });
}

std::string NoGroup(std::string_view key, std::string_view group) {
  return "NOGROUP No such key '" + std::string(key) + "' or consumer group '" + std::string(group) + "'";
}

std::string NoGroupOfKey(std::string_view key, std::string_view group) {
  return "NOGROUP No such consumer group '" + std::string(group) + "' for key name '" + std::string(key) + "'";
}

void NoteConsumer(DataCall& call, storage::Place& place, std::string_view group, std::string_view consumer,
                  bool claims) {
  const bool is_new = storage::StreamIn(place.entry()).FindGroup(group)->FindConsumer(consumer) == nullptr;
  if (is_new) {
    call.txn.Do(place, storage::StreamConsumerPut{group, consumer, call.txn.now()}, events::kXGroupCreateConsumer);
  }
  if (!is_new || claims) call.txn.NoteConsumerSeen(place, group, consumer, claims);
}

}  // namespace ringkv::server
