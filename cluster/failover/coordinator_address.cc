// SPDX-License-Identifier: MIT
#include "cluster/failover/coordinator_address.h"

#include <algorithm>
#include <cctype>

namespace ringkv::cluster {
namespace {

constexpr size_t kMostMembers = 16;
constexpr size_t kLongestName = 64;

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '-' || each == '_' || each == '.';
  });
}

// HOST:PORT, [ADDRESS]:PORT.
bool IsMember(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const std::string_view port = text.substr(colon + 1);
  const bool is_number = port.size() <= 5 && std::all_of(port.begin(), port.end(), [](char each) {
                           return std::isdigit(static_cast<unsigned char>(each)) != 0;
                         });
  const std::string_view host = text.substr(0, colon);
  return is_number && std::all_of(host.begin(), host.end(), [](char each) {
           return std::isalnum(static_cast<unsigned char>(each)) != 0 ||
                  std::string_view("-_.[]:").find(each) != std::string_view::npos;
         });
}

}  // namespace

storage::Result<CoordinatorAddress> ParseCoordinator(std::string_view text) {
  const auto bad = storage::Fail("must be static, or etcd://HOST:PORT,HOST:PORT,.../NAME (etcds:// for TLS)");
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return bad;
  const std::string_view kind = text.substr(0, scheme);
  if (kind != "etcd" && kind != "etcds") return bad;
  std::string_view rest = text.substr(scheme + 3);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !IsName(rest.substr(slash + 1))) return bad;
  CoordinatorAddress address{.members = {}, .cluster = std::string(rest.substr(slash + 1))};
  rest = rest.substr(0, slash);
  while (true) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view member = rest.substr(0, comma);
    if (!IsMember(member) || address.members.size() == kMostMembers) return bad;
    address.members.push_back((kind == "etcds" ? "https://" : "http://") + std::string(member));
    if (comma == rest.size()) return address;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace ringkv::cluster
