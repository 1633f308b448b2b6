// SPDX-License-Identifier: MIT
#include "server/command/scan_options.h"

#include <charconv>

#include "server/command/error_replies.h"
#include "storage/base/glob.h"

namespace ringkv::server {

bool ScanOptions::Matches(std::string_view name) const { return pattern == "*" || storage::GlobMatches(pattern, name); }

std::optional<uint64_t> ParseCursor(std::string_view text) {
  if (text.empty()) return 0;
  const bool is_negative = text[0] == '-';
  if (is_negative || text[0] == '+') text.remove_prefix(1);
  uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return is_negative ? uint64_t{0} - cursor : cursor;
}

bool ParseScanOptions(DataCall& call, bool has_type, ScanOptions* options) {
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("COUNT")) {
      const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
      if (!count || *count < 1) {
        call.reply.Error(count ? errors::kSyntax : errors::kNotInteger);
        return false;
      }
      options->count = static_cast<size_t>(*count);
    } else if (call.args.TakeWithValue("MATCH")) {
      options->pattern = call.args.Next();
    } else if (has_type && call.args.TakeWithValue("TYPE")) {
      options->type = call.args.Next();
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

}  // namespace ringkv::server
