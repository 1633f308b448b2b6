// SPDX-License-Identifier: MIT
// What the commands for streams have in common: finding a stream, and entries as replies.
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

// An entry: its ID, and its names and values.
void ReplyStreamEntry(resp::ReplyWriter& reply, const storage::StreamEntry& entry);

// How many entries are in the range, `most` at most; 0: any number.
size_t CountEntries(const storage::Stream& stream, const StreamRange& range, size_t most);

// So many entries of the range, which must be there, from its first on or downwards from its last.
void ReplyEntries(resp::ReplyWriter& reply, const storage::Stream& stream, const StreamRange& range, size_t count,
                  bool downwards = false);

// There is no such group, or no such key; and the same in the words of the commands that look for the key first.
std::string NoGroup(std::string_view key, std::string_view group);
std::string NoGroupOfKey(std::string_view key, std::string_view group);

// The consumer has asked for something; it is made if it isn't there. The group must be.
void NoteConsumer(DataCall& call, storage::Place& place, std::string_view group, std::string_view consumer);

}  // namespace ringkv::server
