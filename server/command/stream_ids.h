// SPDX-License-Identifier: MIT
// IDs of streams' entries as arguments.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "storage/effects/stream_id.h"

namespace ringkv::server {

// "ms-seq" or "ms"; without a number that one is `missing_seq`.
std::optional<storage::StreamId> ParseStreamId(std::string_view text, uint64_t missing_seq = 0);
// Likewise; "-" and "+" are the first one and the last one.
std::optional<storage::StreamId> ParseStreamBound(std::string_view text, uint64_t missing_seq = 0);

// All arguments from `first` on. Nothing with the error written.
std::optional<std::vector<storage::StreamId>> ParseStreamIds(DataCall& call, size_t first);

// What XADD is given: "ms-seq", "ms" or "ms-*", which leaves the number to the stream.
struct NewStreamId {
  storage::StreamId id;
  bool is_seq_open = false;
};
std::optional<NewStreamId> ParseNewStreamId(std::string_view text);

// From `first` to `last`, both counted in.
struct StreamRange {
  storage::StreamId first = storage::kFirstStreamId;
  storage::StreamId last = storage::kLastStreamId;
};
// Bounds, exclusive ones behind a parenthesis. Nothing with the error written.
std::optional<storage::StreamId> ParseStreamStart(DataCall& call, std::string_view text);
std::optional<StreamRange> ParseStreamRange(DataCall& call, std::string_view first, std::string_view last);

}  // namespace ringkv::server
