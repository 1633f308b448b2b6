// SPDX-License-Identifier: MIT
#include "server/http/admission.h"

#include <algorithm>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/text.h"
#include "server/cluster/cluster_view.h"
#include "server/config/options.h"
#include "server/http/host_name.h"
#include "server/http/media_type.h"
#include "server/http/route_table.h"

namespace ringkv::server::http {
namespace {

using Refusal = std::optional<Response>;

// The owner has named it as an address of this server.
bool IsAnnouncedHost(std::string_view host, const Options& options, const ClusterView* cluster) {
  return (!host.empty() && EqualsIgnoringCase(host, options.replica_announce_ip.Get())) ||
         (cluster != nullptr && cluster->HasHost(host));
}

// Whether anyone may have it.
bool IsOpen(const Route& route, const Options& options) {
  if (route.is_public) return true;
  if (!route.may_be_open) return false;
  const std::string open = options.http_open_paths.Get();
  const std::vector<std::string_view> paths = Words(open);
  return std::find(paths.begin(), paths.end(), route.path) != paths.end();
}

// A page whose name its owner has bound to the address of this server is one of this server's pages to a browser, and
// may do whatever needs no password. Its requests show that name, which the server doesn't have.
Refusal RefuseHost(const Request& request, const Route& route, const AdmissionParts& parts) {
  const Options& options = parts.options;
  if (route.shows_no_data || !parts.users.default_user()->permissions()->needs_no_password) return std::nullopt;
  if (route.is_for_programs && !request.is_from_browser) return std::nullopt;
  const std::string_view host = HostOf(AuthorityOf(request));
  // Browsers always name a host.
  const bool is_known = (host.empty() && request.hosts == 0) || IsAddressOrLocalhost(host) ||
                        IsAllowedHost(host, options.http_allowed_hosts.Get()) ||
                        IsAnnouncedHost(host, options, parts.cluster);
  if (is_known) return std::nullopt;
  return ErrorResponse(403,
                       "without a password this server answers to its address, to localhost and to the names in "
                       "http-allowed-hosts, and Host is none of them");
}

Refusal RefuseSender(const Request& request, const Route& route, const Identity& sender, bool is_open) {
  if (!is_open && sender.user == nullptr) {
    return AskForLogin("this needs a user and a password by Authorization: Basic, or a password of default by Bearer");
  }
  // Pages of other servers may send a browser here; what they make it send has this line.
  const bool only_reads = request.method == Method::kGet || request.method == Method::kHead;
  const std::string own(AuthorityOf(request));
  const bool is_own_page =
      request.origin.empty() || request.origin == "http://" + own || request.origin == "https://" + own;
  // What the console shows costs a walk, or is endless: no other page may begin it, though it could read nothing of it.
  const bool is_from_elsewhere = EqualsIgnoringCase(request.sec_fetch_site, "cross-site") ||
                                 EqualsIgnoringCase(request.sec_fetch_site, "same-site");
  if (route.is_of_console && !route.is_public && (is_from_elsewhere || !is_own_page)) {
    return ErrorResponse(403, "a page of another origin can't use the console");
  }
  if (!only_reads && !is_own_page) return ErrorResponse(403, "a page of another origin can't change anything here");
  return std::nullopt;
}

// A condition that is passed over would let a client overwrite what it wanted to keep.
Refusal RefuseConditions(const Request& request, const Route& route) {
  const bool only_reads = request.method == Method::kGet || request.method == Method::kHead;
  // What has no ETag matches none of those that a reader knows.
  if (route.takes_conditions || !(request.has_if_match || (request.has_if_none_match && !only_reads))) {
    return std::nullopt;
  }
  return ErrorResponse(400, "If-Match and If-None-Match are for /keys/<key> and /get/<key>");
}

Refusal RefuseEncoding(const Request& request) {
  if (!request.content_range.empty()) {
    return ErrorResponse(400, "a body is the whole of what is stored: Content-Range means nothing here");
  }
  if (request.content_encoding.empty() || EqualsIgnoringCase(request.content_encoding, "identity")) return std::nullopt;
  Response response = ErrorResponse(415, "bodies are stored as they come: there is no Content-Encoding but identity");
  response.headers.emplace_back("Accept-Encoding", "identity");
  return response;
}

Refusal RefuseBody(const Request& request, const Route& route, const Options& options) {
  if (route.body == Body::kNone) {
    if (request.content_length == 0 && !request.is_chunked) return std::nullopt;
    return ErrorResponse(400, "this takes no body");
  }
  if (Refusal refusal = RefuseEncoding(request)) return refusal;
  if (!request.has_length && !request.is_chunked)
    return ErrorResponse(411, "this takes a body: Content-Length, or Transfer-Encoding: chunked");
  const auto most = static_cast<uint64_t>(route.body == Body::kAny ? options.http_max_body_size.load()
                                                                   : options.http_max_json_size.load());
  if (request.content_length > most) {
    return ErrorResponse(413, "the body is longer than " + std::to_string(most) + " bytes (" +
                                  (route.body == Body::kAny ? "http-max-body-size" : "http-max-json-size") + ")");
  }
  if (route.body == Body::kAny) return std::nullopt;
  const bool is_json = IsMediaType(request.content_type, kJsonType);
  if (is_json || (route.body == Body::kJsonOrForm && IsMediaType(request.content_type, kFormType))) return std::nullopt;
  return ErrorResponse(415, "this takes Content-Type: application/json" +
                                std::string(route.body == Body::kJsonOrForm ? ", or " + std::string(kFormType) : ""));
}

}  // namespace

tl::expected<Target, Response> Admit(const Request& request, const Identity& sender, const AdmissionParts& parts) {
  const Options& options = parts.options;
  if (request.hosts == 0 && !request.is_1_0) {
    return tl::unexpected(ErrorResponse(400, "an HTTP/1.1 request has a Host line"));
  }
  const tl::expected<const Route*, Response> route = FindRoute(request);
  if (!route) return tl::unexpected(route.error());
  if ((*route)->is_of_console && options.http_console == static_cast<int64_t>(ConsoleMode::kNo)) {
    return tl::unexpected(ErrorResponse(404, "this server shows no console (http-console)"));
  }
  if (Refusal refusal = RefuseHost(request, **route, parts)) return tl::unexpected(std::move(*refusal));
  const bool is_open = IsOpen(**route, options);
  if (Refusal refusal = RefuseSender(request, **route, sender, is_open)) return tl::unexpected(std::move(*refusal));
  // Parameters are validated only for an authorized client.
  tl::expected<Target, Response> target = ReadTarget(request, **route);
  if (!target) return target;
  target->user = is_open ? nullptr : sender.user;
  if (Refusal refusal = RefuseConditions(request, *target->route)) return tl::unexpected(std::move(*refusal));
  if (Refusal refusal = RefuseBody(request, *target->route, options)) return tl::unexpected(std::move(*refusal));
  if (!request.expect.empty() && !EqualsIgnoringCase(request.expect, "100-continue")) {
    return tl::unexpected(ErrorResponse(417, "the only expectation that is met here is 100-continue"));
  }
  if (const std::string* db = target->query.Find("db")) {
    const std::optional<int64_t> index = resp::ParseInteger(*db);
    const int64_t most = options.cluster_enabled != 0 ? 1 : options.databases.load();
    if (!index || *index < 0 || *index >= most) {
      return tl::unexpected(ErrorResponse(400, "db is a number from 0 to " + std::to_string(most - 1)));
    }
    target->db = static_cast<storage::DbIndex>(*index);
  }
  return target;
}

}  // namespace ringkv::server::http
