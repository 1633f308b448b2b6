// SPDX-License-Identifier: MIT
#include "server/http/host_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "server/base/text.h"
#include "server/http/url.h"

namespace ringkv::server::http {
namespace {

constexpr std::string_view kPortDigits = "0123456789";

bool EndsWithIgnoringCase(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && EqualsIgnoringCase(text.substr(text.size() - end.size()), end);
}

}  // namespace

std::string_view AuthorityOf(const Request& request) {
  return SplitTarget(request.target).authority.value_or(request.host);
}

std::string_view HostOf(std::string_view authority) {
  const bool is_v6 = authority.starts_with('[');
  const size_t end = is_v6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == std::string_view::npos) return authority;
  const std::string_view port = authority.substr(end + (is_v6 ? 1 : 0));
  const bool is_port =
      port.empty() || (port[0] == ':' && port.find_first_not_of(kPortDigits, 1) == std::string_view::npos);
  if (!is_port) return authority;
  std::string_view host = is_v6 ? authority.substr(1, end - 1) : authority.substr(0, end);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool IsAddressOrLocalhost(std::string_view host) {
  const std::string text(host);
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, text.c_str(), address) == 1 || ::inet_pton(AF_INET6, text.c_str(), address) == 1 ||
         EqualsIgnoringCase(host, "localhost") || EndsWithIgnoringCase(host, ".localhost");
}

bool IsAllowedHost(std::string_view host, std::string_view allowed) {
  const std::vector<std::string_view> words = Words(allowed);
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    if (word == "*") return true;
    if (word.starts_with('.')) return EndsWithIgnoringCase(host, word);
    return EqualsIgnoringCase(host, word);
  });
}

}  // namespace ringkv::server::http
