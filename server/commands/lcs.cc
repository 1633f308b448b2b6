// SPDX-License-Identifier: MIT
// The longest common subsequence of two strings, by the table of the textbooks.
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"

namespace ringkv::server {
namespace {

using storage::Intent;

struct LcsOptions {
  bool length_only = false;
  bool ranges = false;
  bool with_lengths = false;
  int64_t shortest = 0;
};

// Bytes [first, last] of one string that stand in the other, too.
struct Match {
  size_t first_a, last_a;
  size_t first_b, last_b;
};

class LcsTable {
 public:
  LcsTable(std::string_view a, std::string_view b) : a_(a), b_(b), lengths_((a.size() + 1) * (b.size() + 1)) {
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        At(i, j) = a[i - 1] == b[j - 1] ? At(i - 1, j - 1) + 1 : std::max(At(i - 1, j), At(i, j - 1));
      }
    }
  }

  uint32_t length() { return At(a_.size(), b_.size()); }

  // Walks back from the end; matches come last one first, as in Redis.
  void Trace(std::string* common, std::vector<Match>* matches) {
    size_t i = a_.size();
    size_t j = b_.size();
    bool in_match = false;
    while (i > 0 && j > 0) {
      if (a_[i - 1] == b_[j - 1]) {
        common->push_back(a_[i - 1]);
        --i;
        --j;
        if (!in_match) matches->push_back({i, i, j, j});
        matches->back().first_a = i;
        matches->back().first_b = j;
        in_match = true;
      } else {
        in_match = false;
        if (At(i - 1, j) > At(i, j - 1)) {
          --i;
        } else {
          --j;
        }
      }
    }
    std::reverse(common->begin(), common->end());
  }

 private:
  uint32_t& At(size_t i, size_t j) { return lengths_[i * (b_.size() + 1) + j]; }

  std::string_view a_;
  std::string_view b_;
  std::vector<uint32_t> lengths_;
};

bool ParseOptions(DataCall& call, LcsOptions* options) {
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (call.args.Take("IDX")) {
      options->ranges = true;
    } else if (call.args.Take("LEN")) {
      options->length_only = true;
    } else if (call.args.Take("WITHMATCHLEN")) {
      options->with_lengths = true;
    } else if (call.args.TakeWithValue("MINMATCHLEN")) {
      const std::optional<int64_t> shortest = resp::ParseInteger(call.args.Next());
      if (!shortest) {
        call.reply.Error(errors::kNotInteger);
        return false;
      }
      options->shortest = std::max<int64_t>(*shortest, 0);
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  if (options->ranges && options->length_only) {
    call.reply.Error("ERR If you want both the length and indexes, please just use IDX.");
    return false;
  }
  return true;
}

void ReplyRanges(DataCall& call, const std::vector<Match>& matches, const LcsOptions& options, uint32_t length) {
  std::vector<Match> shown;
  for (const Match& match : matches) {
    if (static_cast<int64_t>(match.last_a - match.first_a + 1) >= options.shortest) shown.push_back(match);
  }
  call.reply.Map(2);
  call.reply.Bulk("matches");
  call.reply.Array(static_cast<int64_t>(shown.size()));
  for (const Match& match : shown) {
    call.reply.Array(options.with_lengths ? 3 : 2);
    call.reply.Array(2);
    call.reply.Integer(static_cast<int64_t>(match.first_a));
    call.reply.Integer(static_cast<int64_t>(match.last_a));
    call.reply.Array(2);
    call.reply.Integer(static_cast<int64_t>(match.first_b));
    call.reply.Integer(static_cast<int64_t>(match.last_b));
    if (options.with_lengths) call.reply.Integer(static_cast<int64_t>(match.last_a - match.first_a + 1));
  }
  call.reply.Bulk("len");
  call.reply.Integer(length);
}

void Lcs(DataCall& call) {
  LcsOptions options;
  const storage::Place place_a = call.txn.Find(call.db, call.args[1], Intent::kRead);
  const storage::Place place_b = call.txn.Find(call.db, call.args[2], Intent::kRead);
  for (const storage::Place* place : {&place_a, &place_b}) {
    if (!*place || place->entry().type() == storage::ValueType::kString) continue;
    return call.reply.Error("ERR The specified keys must contain string values");
  }
  const std::string_view a = place_a ? place_a.value() : std::string_view();
  const std::string_view b = place_b ? place_b.value() : std::string_view();
  if (!ParseOptions(call, &options)) return;
  const unsigned __int128 table_bytes =
      static_cast<unsigned __int128>(a.size() + 1) * (b.size() + 1) * sizeof(uint32_t);
  if (table_bytes > static_cast<unsigned __int128>(call.max_string_bytes)) {
    return call.reply.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  constexpr uint64_t kCellsOfStep = 32;
  if (call.TakesLong(a.size() * b.size() / kCellsOfStep)) return;
  LcsTable table(a, b);
  if (options.length_only) return call.reply.Integer(table.length());
  std::string common;
  std::vector<Match> matches;
  table.Trace(&common, &matches);
  if (options.ranges) return ReplyRanges(call, matches, options, table.length());
  call.reply.Bulk(common);
}

constexpr Command kLcsCommands[] = {
    {.name = "lcs",
     .arity = -3,
     .flags = kReadOnly,
     .keys = {kKeyRO | kKeyAccess, 1, 2, 1},
     .group = Group::kString,
     .since = "7.0.0",
     .complexity = "O(N*M) in the lengths of the two strings",
     .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
     .summary = "Finds the longest common subsequence of two strings.",
     .run = Data(Lcs)},
};
static_assert(RowsAreSound(kLcsCommands));

}  // namespace

std::span<const Command> LcsCommands() { return kLcsCommands; }

}  // namespace ringkv::server
