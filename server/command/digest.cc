// SPDX-License-Identifier: MIT
#include "server/command/digest.h"

#include <cstdio>

#include "server/base/text.h"
#include "storage/base/checksum.h"

namespace ringkv::server {

std::string DigestOf(std::string_view value) {
  char digits[kDigestDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(storage::Checksum(value)));
  return digits;
}

bool IsDigestOf(std::string_view digits, std::string_view value) {
  return digits.size() == kDigestDigits && EqualsIgnoringCase(digits, DigestOf(value));
}

}  // namespace ringkv::server
