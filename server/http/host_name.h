// SPDX-License-Identifier: MIT
// The host name of a request, and whether a foreign page could have made a browser use it (DNS rebinding).
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "server/http/request.h"

namespace ringkv::server::http {

// Host and port: of an absolute request target, else of the Host header (RFC 9112, 3.2.2). Empty in HTTP/1.0 without
// that header.
std::string_view AuthorityOf(const Request& request);
// The authority without port, brackets and trailing dot; unchanged if it has another form.
std::string_view HostOf(std::string_view authority);
// An address, or a name that every browser resolves to this machine: it cannot be rebound.
bool IsAddressOrLocalhost(std::string_view host);
// Whether http-allowed-hosts contains the name, a `.domain` above it, or `*`.
bool IsAllowedHost(std::string_view host, std::string_view allowed);

}  // namespace ringkv::server::http
