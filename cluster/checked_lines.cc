// SPDX-License-Identifier: MIT
#include "cluster/checked_lines.h"

#include <charconv>

#include "storage/base/checksum.h"

namespace ringkv::cluster {
namespace {

constexpr std::string_view kLastLine = "checksum ";

}  // namespace

std::string WithChecksum(std::string text) {
  const std::string checksum = std::to_string(storage::Checksum(text));
  return text.append(kLastLine).append(checksum).append("\n");
}

CheckedLines::CheckedLines(std::string_view text, std::string_view title) {
  if (!text.starts_with(title) || !text.ends_with('\n')) return;
  const size_t before = text.rfind('\n', text.size() - 2);
  if (before == std::string_view::npos) return;
  const std::string_view checked = text.substr(0, before + 1);
  std::string_view last = text.substr(checked.size(), text.size() - checked.size() - 1);
  uint64_t checksum = 0;
  if (!last.starts_with(kLastLine)) return;
  last.remove_prefix(kLastLine.size());
  if (!ParseNumber(last, &checksum) || checksum != storage::Checksum(checked)) return;
  is_whole_ = true;
  left_ = checked.substr(title.size());
}

bool CheckedLines::Take(std::string_view word, std::string_view* rest) {
  if (!left_.starts_with(word)) return false;
  const size_t end = left_.find('\n');
  *rest = left_.substr(word.size(), end - word.size());
  left_.remove_prefix(end + 1);
  return true;
}

bool ParseNumber(std::string_view text, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace ringkv::cluster
