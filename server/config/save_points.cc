// SPDX-License-Identifier: MIT
#include "server/config/save_points.h"

#include "resp/integer_text.h"

namespace ringkv::server {

std::optional<std::vector<SavePoint>> ParseSavePoints(std::string_view text) {
  std::vector<int64_t> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) {
      const std::optional<int64_t> number = resp::ParseInteger(text.substr(0, end));
      // Seconds from 1 on, changes from 0.
      if (!number || *number < (numbers.size() % 2 == 0 ? 1 : 0)) return std::nullopt;
      numbers.push_back(*number);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (numbers.size() % 2 != 0) return std::nullopt;
  std::vector<SavePoint> points;
  for (size_t i = 0; i < numbers.size(); i += 2) points.push_back({numbers[i], numbers[i + 1]});
  return points;
}

}  // namespace ringkv::server
