// SPDX-License-Identifier: MIT
// Any bytes, cut anywhere, must be understood the same way as when they come at once.
#include <cstdlib>
#include <string>
#include <vector>

#include "resp/request_parser.h"

namespace {

using ringkv::resp::ParseStatus;
using ringkv::resp::RequestParser;

struct Understood {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  bool operator==(const Understood&) const = default;
};

Understood Parse(std::string_view input, size_t step) {
  ringkv::resp::RequestLimits limits;
  limits.bulk_bytes = 1 << 16;
  limits.elements = 1 << 10;
  Understood understood;
  RequestParser parser;
  size_t start = 0;
  for (size_t end = step; start < input.size(); end += step) {
    const size_t shown = end < input.size() ? end : input.size();
    // A copy of just what is shown, so that AddressSanitizer sees a read beyond it.
    while (true) {
      const std::string pending(input.substr(start, shown - start));
      const ParseStatus status = parser.Parse(pending, limits, true);
      if (status == ParseStatus::kNeedMore) break;
      if (status == ParseStatus::kError) {
        understood.error = parser.error();
        return understood;
      }
      if (parser.consumed() == 0 || parser.consumed() > pending.size()) std::abort();
      if (status == ParseStatus::kRequest) {
        understood.requests.emplace_back(parser.arguments().begin(), parser.arguments().end());
      }
      start += parser.consumed();
    }
    if (shown == input.size()) break;
  }
  return understood;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2000) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (!(Parse(input, size + 1) == Parse(input, 1))) std::abort();
  if (!(Parse(input, size + 1) == Parse(input, 7))) std::abort();
  return 0;
}
