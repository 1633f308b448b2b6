// SPDX-License-Identifier: MIT
// What becomes of a deleted entry where consumer groups refer to it: where it is pending.
#pragma once

#include <optional>
#include <vector>

#include "server/command/command.h"
#include "storage/types/stream.h"

namespace ringkv::server {

enum class References : uint8_t {
  kKept,       // KEEPREF: it stays pending without its fields
  kDropped,    // DELREF: it is pending nowhere any more
  kForbidding  // ACKED: an entry is deleted only if no group will ever ask for it
};

// Takes one of the words, unless there was one before.
bool TakeReferences(Arguments& args, std::optional<References>* references);

// Whether the entry is pending in a group, or one hasn't read it yet.
bool IsReferenced(const storage::Stream& stream, const storage::StreamId& id);
// Makes the entry pending in no group.
void DropReferences(DataCall& call, storage::Place& place, const storage::StreamId& id);

// The entries that a trim deletes where others forbid it by their references: the oldest first, until it is enough.
std::vector<storage::StreamId> FindUnreferenced(const storage::Stream& stream, const storage::StreamTrimming& trimming);

}  // namespace ringkv::server
