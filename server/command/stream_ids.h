// SPDX-License-Identifier: MIT
// Stream IDs in arguments.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "storage/effects/stream_id.h"

namespace ringkv::server {

// Parses "ms-seq" or "ms"; `missing_seq` is the default sequence number.
std::optional<storage::StreamId> ParseStreamId(std::string_view text, uint64_t missing_seq = 0);
// Also parses "-" and "+", the first and the last ID.
std::optional<storage::StreamId> ParseStreamBound(std::string_view text, uint64_t missing_seq = 0);

// Parses all arguments from `first` on. On failure writes the error and returns none.
std::optional<std::vector<storage::StreamId>> ParseStreamIds(DataCall& call, size_t first);

// The ID of XADD: "ms-seq", "ms" or "ms-*", where the stream assigns the sequence number.
struct NewStreamId {
  storage::StreamId id;
  bool is_seq_open = false;
};
std::optional<NewStreamId> ParseNewStreamId(std::string_view text);

// A range of IDs, `first` and `last` inclusive.
struct StreamRange {
  storage::StreamId first = storage::kFirstStreamId;
  storage::StreamId last = storage::kLastStreamId;
};
// Parses bounds; an opening parenthesis makes one exclusive. On failure writes the error and returns none.
std::optional<storage::StreamId> ParseStreamStart(DataCall& call, std::string_view text);
std::optional<StreamRange> ParseStreamRange(DataCall& call, std::string_view first, std::string_view last);

}  // namespace ringkv::server
