// SPDX-License-Identifier: MIT
#include "cluster/node_id.h"

#include <cinttypes>
#include <cstdio>

#include "storage/base/checksum.h"

namespace ringkv::cluster {
namespace {

constexpr size_t kDigits = 40;

}  // namespace

bool IsNodeId(std::string_view text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string NodeIdOf(std::string_view name) {
  if (IsNodeId(name)) return std::string(name);
  std::string digits;
  for (const char* part : {"node 1 ", "node 2 ", "node 3 "}) {
    char sum[17];
    std::snprintf(sum, sizeof sum, "%016" PRIx64, storage::Checksum(part, name));
    digits += sum;
  }
  digits.resize(kDigits);
  return digits;
}

}  // namespace ringkv::cluster
