// SPDX-License-Identifier: MIT
#include "server/users/acl_pattern.h"

#include "storage/base/glob.h"

namespace ringkv::server {

AclPattern::AclPattern(std::string_view text)
    : literal_(std::min(text.find_first_of("*?[\\"), text.size())),
      ends_in_star_(literal_ > 0 && literal_ + 1 == text.size() && text.back() == '*'),
      text_(text) {
  const AclName literal(text.substr(0, literal_));
  head_ = literal.head();
  std::memset(&mask_, 0xff, std::min(literal_, AclName::kHead));
}

bool AclPattern::MatchesWhole(std::string_view name) const {
  if (!name.starts_with(std::string_view(text_).substr(0, literal_))) return false;
  return ends_in_star_ || storage::GlobMatches(text_, name);
}

}  // namespace ringkv::server
