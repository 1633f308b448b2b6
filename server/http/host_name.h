// SPDX-License-Identifier: MIT
// By which name a request asks for this server, and whether a page of others could have made a browser use that name
// (DNS rebinding).
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "server/http/request.h"

namespace ringkv::server::http {

// Name or address and port: of the target where that is a whole address, else of the Host line (RFC 9112, 3.2.2). Empty
// in HTTP/1.0 without that line.
std::string_view AuthorityOf(const Request& request);
// The authority without its port, its brackets and a dot at the end; all of it if it has another form.
std::string_view HostOf(std::string_view authority);
// An address, or a name that means this machine to every browser: nobody else can have it resolved to another place.
bool IsAddressOrLocalhost(std::string_view host);
// Whether the words of http-allowed-hosts have this name: itself, a `.domain` that it is below, or `*`.
bool IsAllowedHost(std::string_view host, std::string_view allowed);

}  // namespace ringkv::server::http
