// SPDX-License-Identifier: MIT
#include "server/command/stream_ids.h"

#include <charconv>

#include "server/command/error_replies.h"

namespace ringkv::server {
namespace {

using storage::StreamId;

// As Redis reads it: spaces and a plus may stand in front.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\n\v\f\r");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  if (text[0] == '+') text.remove_prefix(1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

constexpr size_t kLongestId = 127;

// A bound, and whether it is behind a parenthesis.
struct Bound {
  StreamId id;
  bool is_exclusive = false;
};

std::optional<Bound> ParseBound(DataCall& call, std::string_view text, uint64_t missing_seq) {
  const bool is_exclusive = text.size() > 1 && text[0] == '(';
  const std::optional<StreamId> id =
      is_exclusive ? ParseStreamId(text.substr(1), missing_seq) : ParseStreamBound(text, missing_seq);
  if (id) return Bound{*id, is_exclusive};
  call.reply.Error(errors::kBadStreamId);
  return std::nullopt;
}

}  // namespace

std::optional<StreamId> ParseStreamId(std::string_view text, uint64_t missing_seq) {
  if (text.size() > kLongestId) return std::nullopt;
  const size_t dash = text.find('-');
  const std::optional<uint64_t> ms = ParseNumber(text.substr(0, dash));
  const std::optional<uint64_t> seq =
      dash == std::string_view::npos ? std::optional(missing_seq) : ParseNumber(text.substr(dash + 1));
  if (!ms || !seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

std::optional<StreamId> ParseStreamBound(std::string_view text, uint64_t missing_seq) {
  if (text == "-") return storage::kFirstStreamId;
  if (text == "+") return storage::kLastStreamId;
  return ParseStreamId(text, missing_seq);
}

std::optional<std::vector<StreamId>> ParseStreamIds(DataCall& call, size_t first) {
  std::vector<StreamId> ids;
  for (size_t i = first; i < call.args.size(); ++i) {
    const std::optional<StreamId> id = ParseStreamId(call.args[i]);
    if (!id) {
      call.reply.Error(errors::kBadStreamId);
      return std::nullopt;
    }
    ids.push_back(*id);
  }
  return ids;
}

std::optional<NewStreamId> ParseNewStreamId(std::string_view text) {
  if (text.size() <= kLongestId && text.ends_with("-*")) {
    const std::optional<uint64_t> ms = ParseNumber(text.substr(0, text.size() - 2));
    if (!ms) return std::nullopt;
    return NewStreamId{{*ms, 0}, true};
  }
  const std::optional<StreamId> id = ParseStreamId(text);
  if (!id) return std::nullopt;
  return NewStreamId{*id};
}

std::optional<StreamId> ParseStreamStart(DataCall& call, std::string_view text) {
  const std::optional<Bound> bound = ParseBound(call, text, 0);
  if (!bound) return std::nullopt;
  if (!bound->is_exclusive) return bound->id;
  if (bound->id != storage::kLastStreamId) return bound->id.Next();
  call.reply.Error("ERR invalid start ID for the interval");
  return std::nullopt;
}

std::optional<StreamRange> ParseStreamRange(DataCall& call, std::string_view first, std::string_view last) {
  const std::optional<StreamId> start = ParseStreamStart(call, first);
  if (!start) return std::nullopt;
  const std::optional<Bound> end = ParseBound(call, last, UINT64_MAX);
  if (!end) return std::nullopt;
  if (!end->is_exclusive) return StreamRange{*start, end->id};
  if (end->id != storage::kFirstStreamId) return StreamRange{*start, end->id.Previous()};
  call.reply.Error("ERR invalid end ID for the interval");
  return std::nullopt;
}

}  // namespace ringkv::server
