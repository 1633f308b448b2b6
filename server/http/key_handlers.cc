// SPDX-License-Identifier: MIT
// A key as a resource: GET, PUT, DELETE.
#include <algorithm>
#include <memory>

#include "server/base/text.h"
#include "server/command/digest.h"
#include "server/http/computing_cost.h"
#include "server/http/entity_tag.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/set_command.h"

namespace ringkv::server::http {
namespace {

constexpr std::string_view kNoKey = "no such key";
constexpr std::string_view kNotMet = "the condition on the key is not met";
constexpr std::string_view kOneTag = "If-None-Match takes one ETag, or *";
constexpr std::string_view kBadTags = "If-Match and If-None-Match take * or ETags in double quotes";

// The last command was SET key value ...
void RespondStored(Exchange& exchange) {
  const auto value = std::make_shared<const std::string>(std::move(exchange.TakeArgv()[2]));
  exchange.Compute(DigestCost(value->size()), [&exchange, value] {
    return [&exchange, tag = EntityTag(*value)] {
      Response response{.status = 204};
      response.headers.emplace_back("ETag", tag);
      exchange.Respond(std::move(response));
    };
  });
}

void RespondNotMet(Exchange& exchange) { exchange.Fail(412, kNotMet); }

// A write that If-Match makes depend on the value's digest.
struct ConditionalWrite {
  std::vector<std::string> argv;     // ends with the digest that the value has to have
  std::vector<std::string> digests;  // any of them will do
  bool (*is_done)(const resp::Reply&);
  void (*respond)(Exchange&);
  void (*refuse)(Exchange&) = RespondNotMet;  // no digest is that of the value, or the key is missing
  int tries = 0;
};
using SharedWrite = std::shared_ptr<ConditionalWrite>;

void FindDigest(Exchange& exchange, const SharedWrite& write);

void WriteIf(Exchange& exchange, const SharedWrite& write, std::string digest) {
  write->argv.back() = std::move(digest);
  exchange.Run(std::move(write->argv), [&exchange, write](const resp::Reply& reply) {
    if (write->is_done(reply)) return write->respond(exchange);
    write->argv = exchange.TakeArgv();
    write->digests.size() == 1 ? write->refuse(exchange) : FindDigest(exchange, write);
  });
}

// The command takes one digest: looks which of them it is. Another client may change the value in between, and then
// the write isn't done, and the new value is looked at.
void FindDigest(Exchange& exchange, const SharedWrite& write) {
  constexpr int kMostTries = 16;
  if (++write->tries > kMostTries) return exchange.Fail(503, "too many concurrent changes of the key");
  exchange.Run({"DIGEST", exchange.key()}, [&exchange, write](const resp::Reply& reply) {
    const bool is_named = reply.kind == resp::ReplyKind::kText &&
                          std::any_of(write->digests.begin(), write->digests.end(), [&](const std::string& digest) {
                            return EqualsIgnoringCase(digest, reply.text);
                          });
    is_named ? WriteIf(exchange, write, reply.text) : write->refuse(exchange);
  });
}

void RunIfDigest(Exchange& exchange, ConditionalWrite write) {
  if (write.digests.empty()) return write.refuse(exchange);  // weak ones, which match nothing
  write.argv.insert(write.argv.end(), {"IFDEQ", ""});
  const auto shared = std::make_shared<ConditionalWrite>(std::move(write));
  shared->digests.size() == 1 ? WriteIf(exchange, shared, shared->digests.front()) : FindDigest(exchange, shared);
}

bool IsStored(const resp::Reply& reply) { return reply.kind == resp::ReplyKind::kStatus; }

bool Names(const TagList& tags, const std::string& digest) {
  return tags.is_any || std::find(tags.digests.begin(), tags.digests.end(), digest) != tags.digests.end();
}

// What the two lines say, where they are there; `is_sound` is false if one of them says nothing that can be understood.
struct Conditions {
  explicit Conditions(const Request& request)
      : match(ParseTags(request.if_match, Comparison::kStrong)),
        none_match(ParseTags(request.if_none_match, Comparison::kWeak)),
        is_sound((request.if_match.empty() || match.is_sound) &&
                 (request.if_none_match.empty() || none_match.is_sound)) {}

  TagList match;
  TagList none_match;
  bool is_sound;
};

void RespondValue(Exchange& exchange, const Conditions& conditions, std::string value, const std::string& digest) {
  if (conditions.match.is_sound && !Names(conditions.match, digest)) return exchange.Fail(412, kNotMet);
  Response response{.content_type = kBytesType};
  response.headers.emplace_back("ETag", "\"" + digest + "\"");
  response.headers.emplace_back("Cache-Control", "no-cache");
  if (conditions.none_match.is_sound && Names(conditions.none_match, digest)) {
    response.status = 304;
  } else {
    response.body = std::move(value);
  }
  exchange.Respond(std::move(response));
}

bool IsDeleted(const resp::Reply& reply) { return reply.integer == 1; }

void RespondDeleted(Exchange& exchange) { exchange.Respond({.status = 204}); }

// Nothing was deleted: the key is missing, and then conditions don't count (RFC 9110, 13.2.1), or its value was to
// stay.
void RespondKept(Exchange& exchange) {
  exchange.Run({"EXISTS", exchange.key()}, [&exchange](const resp::Reply& reply) {
    reply.integer == 1 ? exchange.Fail(412, kNotMet) : exchange.Fail(404, kNoKey);
  });
}

void DeleteIfNoneMatch(Exchange& exchange, const TagList& tags) {
  if (tags.is_any) return RespondKept(exchange);
  if (tags.digests.size() > 1) return exchange.Fail(400, kOneTag);
  exchange.Run({"DELEX", exchange.key(), "IFDNE", tags.digests.front()}, [&exchange](const resp::Reply& reply) {
    IsDeleted(reply) ? RespondDeleted(exchange) : RespondKept(exchange);
  });
}

}  // namespace

void GetKey(Exchange& exchange) {
  const auto conditions = std::make_shared<const Conditions>(exchange.request());
  if (!conditions->is_sound) return exchange.Fail(400, kBadTags);
  exchange.Run({"GET", exchange.key()}, [&exchange, conditions](resp::Reply reply) {
    if (reply.kind == resp::ReplyKind::kNull) return exchange.Fail(404, kNoKey);
    const auto value = std::make_shared<std::string>(std::move(reply.text));
    exchange.Compute(DigestCost(value->size()), [&exchange, conditions, value] {
      return [&exchange, conditions, value, digest = DigestOf(*value)] {
        RespondValue(exchange, *conditions, std::move(*value), digest);
      };
    });
  });
}

void PutKey(Exchange& exchange) {
  const Fields& query = exchange.target().query;
  std::vector<std::string> argv = SetCommand(exchange.key(), exchange.TakeBody());
  const std::string* ttl = query.Find("ttl");
  if (ttl != nullptr && !AppendLifetime(exchange, *ttl, &argv)) return;
  if (query.Find("keepttl") != nullptr) {
    if (ttl != nullptr) return exchange.Fail(400, "at most one of ttl and keepttl may be given");
    argv.emplace_back("KEEPTTL");
  }
  const auto& [match, none_match, is_sound] = Conditions(exchange.request());
  if (!is_sound) return exchange.Fail(400, kBadTags);
  const size_t conditions = size_t{query.Find("nx") != nullptr} + size_t{query.Find("xx") != nullptr} +
                            size_t{match.is_sound} + size_t{none_match.is_sound};
  if (conditions > 1) return exchange.Fail(400, "at most one of nx, xx, If-Match and If-None-Match may be given");
  if (match.is_sound && !match.is_any) {
    return RunIfDigest(
        exchange, {.argv = std::move(argv), .digests = match.digests, .is_done = IsStored, .respond = RespondStored});
  }
  if (none_match.is_sound && !none_match.is_any) {
    if (none_match.digests.size() > 1) return exchange.Fail(400, kOneTag);
    argv.insert(argv.end(), {"IFDNE", none_match.digests.front()});
  }
  if (query.Find("nx") != nullptr || none_match.is_any) argv.emplace_back("NX");
  if (query.Find("xx") != nullptr || match.is_any) argv.emplace_back("XX");
  exchange.Run(std::move(argv), [&exchange](const resp::Reply& reply) {
    if (!IsStored(reply)) return exchange.Fail(412, kNotMet);
    RespondStored(exchange);
  });
}

void DeleteKey(Exchange& exchange) {
  const auto& [match, none_match, is_sound] = Conditions(exchange.request());
  if (!is_sound) return exchange.Fail(400, kBadTags);
  if (match.is_sound && none_match.is_sound) {
    return exchange.Fail(400, "at most one of If-Match and If-None-Match may be given");
  }
  if (none_match.is_sound) return DeleteIfNoneMatch(exchange, none_match);
  if (match.is_sound && !match.is_any) {
    return RunIfDigest(exchange, {.argv = {"DELEX", exchange.key()},
                                  .digests = match.digests,
                                  .is_done = IsDeleted,
                                  .respond = RespondDeleted,
                                  .refuse = RespondKept});
  }
  exchange.Run({"DEL", exchange.key()}, [&exchange](const resp::Reply& reply) {
    IsDeleted(reply) ? RespondDeleted(exchange) : exchange.Fail(404, kNoKey);
  });
}

}  // namespace ringkv::server::http
