// SPDX-License-Identifier: MIT
#include "server/command/scan_options.h"

#include <charconv>

#include "server/command/error_replies.h"
#include "storage/base/glob.h"
#include "storage/base/key_slot.h"

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

namespace {

// Takes NOVALUES and NOSCORES, each where it belongs. False if the next word is another; `error` says what is wrong.
bool TakeNamesOnly(Arguments& args, Scanned what, std::string_view* error) {
  if (args.Take("NOVALUES")) {
    if (what != Scanned::kHash) *error = "ERR NOVALUES option can only be used in HSCAN";
    return true;
  }
  if (args.Take("NOSCORES")) {
    if (what != Scanned::kSortedSet) *error = "ERR NOSCORES option can only be used in ZSCAN";
    return true;
  }
  return false;
}

}  // namespace

bool ParseScanOptions(DataCall& call, Scanned what, ScanOptions* options) {
  const bool are_keys = what == Scanned::kKeys || what == Scanned::kClusterKeys;
  std::string_view error;
  while (error.empty() && !call.args.AtEnd()) {
    if (call.args.TakeWithValue("COUNT")) {
      const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
      if (!count || *count < 1) {
        error = count ? errors::kSyntax : errors::kNotInteger;
      } else {
        options->count = static_cast<size_t>(*count);
      }
    } else if (call.args.TakeWithValue("MATCH")) {
      options->pattern = call.args.Next();
    } else if (are_keys && call.args.TakeWithValue("TYPE")) {
      options->type = call.args.Next();
    } else if (what == Scanned::kClusterKeys && !options->slot && call.args.TakeWithValue("SLOT")) {
      const std::optional<int64_t> slot = resp::ParseInteger(call.args.Next());
      if (!slot || *slot < 0 || *slot >= static_cast<int64_t>(storage::kSlots)) error = errors::kInvalidSlot;
      options->slot = slot;
    } else if (TakeNamesOnly(call.args, what, &error)) {
      options->names_only = true;
    } else {
      error = errors::kSyntax;
    }
  }
  if (!error.empty()) call.reply.Error(error);
  return error.empty();
}

}  // namespace ringkv::server
