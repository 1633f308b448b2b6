// SPDX-License-Identifier: MIT
// A key as a resource: GET, PUT, DELETE.
#include <algorithm>

#include "server/http/entity_tag.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/lifetime.h"

namespace ringkv::server::http {
namespace {

constexpr std::string_view kNoKey = "there is no such key";
constexpr std::string_view kNotMet = "the key is not in the state that the request asks for";
constexpr std::string_view kBadTags = "If-Match and If-None-Match take * or ETags in double quotes";

void RespondStored(Exchange& exchange) {
  Response response{.status = 204};
  response.headers.emplace_back("ETag", EntityTag(exchange.request().body));
  exchange.Respond(std::move(response));
}

// Runs the command with each of the digests behind it until one of them was right.
void RunIfDigest(Exchange& exchange, std::vector<std::string> argv, std::vector<std::string> digests,
                 std::function<bool(const resp::Reply&)> is_done, std::function<void()> then) {
  if (digests.empty()) return exchange.Fail(412, kNotMet);
  std::vector<std::string> with_digest = argv;
  with_digest.insert(with_digest.end(), {"IFDEQ", digests.back()});
  digests.pop_back();
  exchange.Run(std::move(with_digest), [=, &exchange](const resp::Reply& reply) {
    if (is_done(reply)) return then();
    RunIfDigest(exchange, argv, digests, is_done, then);
  });
}

}  // namespace

void GetKey(Exchange& exchange) {
  exchange.Run({"GET", exchange.key()}, [&exchange](resp::Reply reply) {
    if (reply.kind == resp::ReplyKind::kNull) return exchange.Fail(404, kNoKey);
    const std::string tag = EntityTag(reply.text);
    Response response{.content_type = kBytesType};
    response.headers.emplace_back("ETag", tag);
    response.headers.emplace_back("Cache-Control", "no-cache");
    const TagList known = ParseTags(exchange.request().if_none_match, Comparison::kWeak);
    const bool is_known = std::any_of(known.digests.begin(), known.digests.end(),
                                      [&](const std::string& digest) { return "\"" + digest + "\"" == tag; });
    if (known.is_any || is_known) {
      response.status = 304;
    } else {
      response.body = std::move(reply.text);
    }
    exchange.Respond(std::move(response));
  });
}

void PutKey(Exchange& exchange) {
  const Request& request = exchange.request();
  const Fields& query = exchange.target().query;
  std::vector<std::string> argv{"SET", exchange.key(), request.body};
  const std::string* ttl = query.Find("ttl");
  if (ttl != nullptr && !AppendLifetime(exchange, *ttl, &argv)) return;
  if (query.Find("keepttl") != nullptr) argv.emplace_back("KEEPTTL");
  const TagList match = ParseTags(request.if_match, Comparison::kStrong);
  const TagList none_match = ParseTags(request.if_none_match, Comparison::kWeak);
  const bool is_sound =
      (request.if_match.empty() || match.is_sound) && (request.if_none_match.empty() || none_match.is_sound);
  if (!is_sound) return exchange.Fail(400, kBadTags);
  const size_t conditions = size_t{query.Find("nx") != nullptr} + size_t{query.Find("xx") != nullptr} +
                            size_t{match.is_sound} + size_t{none_match.is_sound};
  if (conditions > 1) return exchange.Fail(400, "at most one of nx, xx, If-Match and If-None-Match may be given");
  const auto is_stored = [](const resp::Reply& reply) { return reply.kind == resp::ReplyKind::kStatus; };
  if (match.is_sound && !match.is_any) {
    return RunIfDigest(exchange, std::move(argv), match.digests, is_stored, [&exchange] { RespondStored(exchange); });
  }
  if (none_match.is_sound && !none_match.is_any) {
    if (none_match.digests.size() > 1) return exchange.Fail(400, "If-None-Match takes one ETag here, or *");
    argv.insert(argv.end(), {"IFDNE", none_match.digests.front()});
  }
  if (query.Find("nx") != nullptr || none_match.is_any) argv.emplace_back("NX");
  if (query.Find("xx") != nullptr || match.is_any) argv.emplace_back("XX");
  exchange.Run(std::move(argv), [&exchange, is_stored](const resp::Reply& reply) {
    if (!is_stored(reply)) return exchange.Fail(412, kNotMet);
    RespondStored(exchange);
  });
}

void DeleteKey(Exchange& exchange) {
  const TagList match = ParseTags(exchange.request().if_match, Comparison::kStrong);
  if (!exchange.request().if_match.empty() && !match.is_sound) return exchange.Fail(400, kBadTags);
  if (match.is_sound && !match.is_any) {
    return RunIfDigest(
        exchange, {"DELEX", exchange.key()}, match.digests, [](const resp::Reply& reply) { return reply.integer == 1; },
        [&exchange] { exchange.Respond({.status = 204}); });
  }
  exchange.Run({"DEL", exchange.key()}, [&exchange, match](const resp::Reply& reply) {
    if (reply.integer == 1) return exchange.Respond({.status = 204});
    match.is_any ? exchange.Fail(412, kNotMet) : exchange.Fail(404, kNoKey);
  });
}

}  // namespace ringkv::server::http
