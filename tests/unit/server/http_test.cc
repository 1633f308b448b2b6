// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "server/cluster/cluster_view.h"
#include "server/command/digest.h"
#include "server/http/admission.h"
#include "server/http/authorization.h"
#include "server/http/entity_tag.h"
#include "server/http/request_reader.h"
#include "server/http/response.h"
#include "server/http/route_table.h"
#include "server/http/url.h"
#include "server/options/option_table.h"
#include "storage/base/base64.h"

namespace ringkv::server::http {
namespace {

constexpr RequestLimits kLimits{.head_bytes = 1000, .body_bytes = 100};

// Reads one request, given in pieces of so many bytes. kWhole, kError, or kNeedMore at the end of the bytes.
Progress ReadIn(RequestReader& reader, std::string_view bytes, size_t piece, size_t* left = nullptr) {
  std::string waiting;
  Progress progress = Progress::kNeedMore;
  while (progress != Progress::kWhole && progress != Progress::kError) {
    size_t taken = 0;
    progress = reader.Read(waiting, kLimits, &taken);
    waiting.erase(0, taken);
    if (progress == Progress::kHead || (progress == Progress::kNeedMore && taken > 0)) continue;
    if (progress != Progress::kNeedMore) break;
    if (bytes.empty()) return Progress::kNeedMore;
    waiting += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (left != nullptr) *left = waiting.size() + bytes.size();
  return progress;
}

Progress ReadWhole(RequestReader& reader, std::string_view bytes) { return ReadIn(reader, bytes, bytes.size()); }

TEST(HttpReader, ReadsTheSameInPiecesOfEverySize) {
  const std::string bytes =
      "PUT /keys/a?ttl=5 HTTP/1.1\r\nHost: here\r\nIf-Match: \"x\"\r\nContent-Length: 5\r\nX-Odd: y\r\n\r\nhello"
      "GET / HTTP/1.1\r\n";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestReader reader;
    size_t left = 0;
    ASSERT_EQ(ReadIn(reader, bytes, piece, &left), Progress::kWhole) << piece;
    EXPECT_EQ(reader.request().method, Method::kPut);
    EXPECT_EQ(reader.request().target, "/keys/a?ttl=5");
    EXPECT_EQ(reader.request().host, "here");
    EXPECT_EQ(reader.request().if_match, "\"x\"");
    EXPECT_EQ(reader.request().body, "hello");
    EXPECT_TRUE(reader.request().keeps_alive);
    EXPECT_EQ(left, std::string("GET / HTTP/1.1\r\n").size()) << "of the next request nothing may be taken";
  }
}

TEST(HttpReader, BlanksAroundAValueAreNoneOfIt) {
  RequestReader reader;
  ASSERT_EQ(ReadWhole(reader,
                      "GET / HTTP/1.1\r\nHost: \t here:80 \t\r\nAuthorization:Bearer secret  \r\nOrigin: o \r\n"
                      "If-None-Match: \"x\" \r\n\r\n"),
            Progress::kWhole);
  EXPECT_EQ(reader.request().host, "here:80");
  EXPECT_EQ(reader.request().authorization, "Bearer secret");
  EXPECT_EQ(reader.request().origin, "o");
  EXPECT_EQ(reader.request().if_none_match, "\"x\"");
}

TEST(HttpReader, JoinsChunks) {
  RequestReader reader;
  ASSERT_EQ(ReadWhole(reader,
                      "POST /set HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n"),
            Progress::kWhole);
  EXPECT_EQ(reader.request().body, "abcdefg");
  EXPECT_TRUE(reader.request().is_chunked);
}

TEST(HttpReader, RefusesAmbiguousRequests) {
  for (const std::string_view bytes :
       {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    RequestReader reader;
    EXPECT_EQ(ReadWhole(reader, bytes), Progress::kError) << bytes;
    EXPECT_EQ(reader.error().status, 400) << bytes;
  }
}

TEST(HttpReader, SpeaksNoOtherVersion) {
  RequestReader reader;
  EXPECT_EQ(ReadWhole(reader, "GET / HTTP/2.0\r\n\r\n"), Progress::kError);
  EXPECT_EQ(reader.error().status, 505);
}

TEST(HttpReader, HoldsItsLimits) {
  RequestReader address;
  EXPECT_EQ(ReadIn(address, "GET /" + std::string(2000, 'a'), 100), Progress::kError);
  EXPECT_EQ(address.error().status, 414);
  RequestReader head;
  EXPECT_EQ(ReadIn(head, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'a'), 100), Progress::kError);
  EXPECT_EQ(head.error().status, 431);
  RequestReader body;
  EXPECT_EQ(
      ReadIn(body, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, 'a'), 10),
      Progress::kError);
  EXPECT_EQ(body.error().status, 413);
}

TEST(HttpReader, AHeadMayBeAsLongAsTheOptionCanSay) {
  RequestReader reader;
  const std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: " + std::string(1'000'000, 'a') + "\r\n\r\n";
  const RequestLimits limits{.head_bytes = size_t{1} << 20, .body_bytes = 100};
  size_t taken = 0;
  ASSERT_EQ(reader.Read(bytes, limits, &taken), Progress::kHead);
  EXPECT_EQ(reader.Read(std::string_view(bytes).substr(taken), limits, &taken), Progress::kWhole);
  EXPECT_EQ(reader.request().authorization.size(), 1'000'000u);
}

TEST(HttpReader, BeginsAnew) {
  RequestReader reader;
  ASSERT_EQ(ReadWhole(reader, "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"), Progress::kWhole);
  reader.Restart();
  ASSERT_EQ(ReadWhole(reader, "GET /b HTTP/1.0\r\n\r\n"), Progress::kWhole);
  EXPECT_EQ(reader.request().target, "/b");
  EXPECT_EQ(reader.request().body, "");
  EXPECT_EQ(reader.request().host, "");
  EXPECT_FALSE(reader.request().keeps_alive);
}

TEST(HttpResponse, ABodyInSlicesIsTheBodyAsAWhole) {
  const Response response{.body = "begin", .pieces = {"0123456789", "x", "end"}};
  resp::Buffer whole;
  AppendResponse(whole, response, {.date = "now"});
  for (const size_t most : {1, 2, 5, 7, 100}) {
    BodySlices body;
    resp::Buffer out;
    body.Begin(out, response, {.date = "now"});
    EXPECT_EQ(body.bytes(), response.BodyBytes());
    while (!body.empty()) {
      const size_t before = out.size();
      body.Append(out, most);
      EXPECT_LE(out.size() - before, most);
    }
    EXPECT_EQ(out.Readable(), whole.Readable());
    EXPECT_EQ(body.bytes(), 0u);
  }
  BodySlices none;
  resp::Buffer head;
  none.Begin(head, response, {.without_body = true, .date = "now"});
  EXPECT_TRUE(none.empty());
  EXPECT_NE(head.Readable().find("Content-Length: 19\r\n"), std::string_view::npos);
}

TEST(HttpUrl, AnyBytesComeThrough) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(PercentDecode(PercentEncode(all), true), all);
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  for (const std::string_view bad : {"%", "%4", "%4x", "a%%41"}) EXPECT_EQ(PercentDecode(bad, false), std::nullopt);
}

TEST(HttpUrl, FieldsAreFoundByName) {
  const auto fields = Fields::Parse("a=1&b=x%3dy+z&c&&=e");
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields->Find("a"), "1");
  EXPECT_EQ(*fields->Find("b"), "x=y z");
  EXPECT_EQ(*fields->Find("c"), "");
  EXPECT_EQ(fields->Find("d"), nullptr);
  EXPECT_EQ(*fields->FindOther({"a", "b", ""}), "c");
  EXPECT_EQ(fields->FindTwice(), nullptr);
  EXPECT_EQ(*Fields::Parse("a=1&b=1&b=1")->FindTwice(), "b");
  EXPECT_FALSE(Fields::Parse("a=%zz"));
}

// With no other user than `default`, who needs the password if there is one.
struct OnlyDefault {
  explicit OnlyDefault(std::string_view password = {}) { users.SetDefaultPassword(password); }

  CommandTable commands{std::span<const std::span<const Command>>()};
  Users users{commands};
};

TEST(HttpAuthorization, TakesThePasswordInTwoWays) {
  const OnlyDefault free;
  EXPECT_EQ(Identify("", free.users).user, free.users.default_user());
  EXPECT_EQ(Identify("Digest x", free.users).user, free.users.default_user());
  EXPECT_EQ(Identify("Bearer anything", free.users).user, free.users.default_user());
  EXPECT_EQ(Identify("Basic " + storage::EncodeBase64("other:x"), free.users).user, nullptr);
  const std::string good[] = {"Bearer secret", "bearer secret", "Basic " + storage::EncodeBase64("default:secret"),
                              "Basic   " + storage::EncodeBase64("default:secret")};
  const OnlyDefault locked("secret");
  for (const std::string& each : good) EXPECT_NE(Identify(each, locked.users).user, nullptr) << each;
  EXPECT_NE(Identify("Basic " + storage::EncodeBase64("default:se:cret"), OnlyDefault("se:cret").users).user, nullptr);
  for (const std::string& bad :
       {std::string(), std::string("Bearer"), std::string("Bearer secre"), std::string("Bearer secretx"),
        std::string("Basic secret"), std::string("Digest x"), "Basic " + storage::EncodeBase64("secret"),
        "Basic " + storage::EncodeBase64("other:secret"), "Basic " + storage::EncodeBase64(":secret")}) {
    EXPECT_EQ(Identify(bad, locked.users).user, nullptr) << bad;
  }
}

TEST(HttpAuthorization, BasicNamesAUser) {
  OnlyDefault server("secret");
  const std::string rules[] = {"on", ">pw", ">other"};
  ASSERT_FALSE(server.users.Set("alice", rules));
  EXPECT_EQ(Identify("Basic " + storage::EncodeBase64("alice:pw"), server.users).user, server.users.Find("alice"));
  EXPECT_EQ(Identify("Basic " + storage::EncodeBase64("alice:other"), server.users).user, server.users.Find("alice"));
  const Identity stranger = Identify("Basic " + storage::EncodeBase64("alice:secret"), server.users);
  EXPECT_EQ(stranger.user, nullptr);
  EXPECT_EQ(stranger.name, "alice") << "for ACL LOG";
  EXPECT_TRUE(stranger.has_credentials);
  EXPECT_EQ(Identify("Bearer pw", server.users).user, nullptr) << "a token is a password of default";
  const std::string off[] = {"off"};
  ASSERT_FALSE(server.users.Set("alice", off));
  EXPECT_EQ(Identify("Basic " + storage::EncodeBase64("alice:pw"), server.users).user, nullptr);
}

TEST(HttpEntityTag, ListsAreRead) {
  EXPECT_TRUE(ParseTags("*", Comparison::kStrong).is_any);
  EXPECT_EQ(ParseTags("\"a\", W/\"b\",\"c\"", Comparison::kStrong).digests, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(ParseTags("W/\"b\"", Comparison::kWeak).digests, std::vector<std::string>{"b"});
  EXPECT_TRUE(ParseTags("W/\"b\"", Comparison::kStrong).is_sound);
  for (const std::string_view bad : {"", "a", "\"a", "\"a\", b"}) {
    EXPECT_FALSE(ParseTags(bad, Comparison::kStrong).is_sound) << bad;
  }
  EXPECT_EQ(EntityTag("value"), "\"" + DigestOf("value") + "\"");
}

Request RequestFor(Method method, const std::string& target) {
  Request request;
  request.method = method;
  request.target = target;
  request.hosts = 1;
  request.host = "localhost:8080";
  return request;
}

int StatusOf(const Request& request, const Options& options, const ClusterView* cluster = nullptr) {
  const OnlyDefault server(options.requirepass.Get());
  const auto admitted = Admit(request, Identify(request.authorization, server.users), {options, server.users, cluster});
  return admitted ? 200 : admitted.error().status;
}

TEST(HttpAdmission, ChecksTheHeadBeforeTheBodyComes) {
  Options options;
  SetDefaults(options);
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "/keys/a"), options), 200);
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "http://localhost:80/keys/a?db=1"), options), 200);
  const auto of_query = FindRoute(RequestFor(Method::kGet, "http://localhost:80?prefix=/healthz"));
  ASSERT_TRUE(of_query);
  EXPECT_EQ((*of_query)->path, "/");
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "HTTP://localhost:80"), options), 200) << "an empty path is /";
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "/keys"), options), 404);
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "/keys/%zz"), options), 400);
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "/keys/a?db=99"), options), 400);
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "/keys/a?unknown=1"), options), 400);
  EXPECT_EQ(StatusOf(RequestFor(Method::kPost, "/keys/a"), options), 405);
  EXPECT_EQ(StatusOf(RequestFor(Method::kOptions, "/keys/a"), options), 204);
  EXPECT_EQ(StatusOf(RequestFor(Method::kPut, "/keys/a"), options), 411);
  Request put = RequestFor(Method::kPut, "/keys/a");
  put.has_length = true;
  put.content_length = 1000;
  EXPECT_EQ(StatusOf(put, options), 200);
  put.expect = "something";
  EXPECT_EQ(StatusOf(put, options), 417);
  put.expect = "100-continue";
  EXPECT_EQ(StatusOf(put, options), 200);
  put.origin = "http://elsewhere";
  EXPECT_EQ(StatusOf(put, options), 403);
  put.origin = "http://localhost:8080";
  EXPECT_EQ(StatusOf(put, options), 200);
  put.content_length = uint64_t{1} << 40;
  EXPECT_EQ(StatusOf(put, options), 413);
  Request set = RequestFor(Method::kPost, "/set");
  set.has_length = true;
  EXPECT_EQ(StatusOf(set, options), 415);
  set.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(StatusOf(set, options), 200);
  Request without_host = RequestFor(Method::kGet, "/");
  without_host.hosts = 0;
  EXPECT_EQ(StatusOf(without_host, options), 400);
}

TEST(HttpAdmission, ParametersAndConditionsThatWouldBeIgnoredAreRefused) {
  Options options;
  SetDefaults(options);
  for (const std::string bad : {"ttl=1&ttl=2", "nx&nx", "nx=0", "xx=no", "keepttl=2"}) {
    Request put = RequestFor(Method::kPut, "/keys/a?" + bad);
    put.has_length = true;
    EXPECT_EQ(StatusOf(put, options), 400) << bad;
  }
  Request put = RequestFor(Method::kPut, "/keys/a?nx=1&ttl=2");
  put.has_length = true;
  EXPECT_EQ(StatusOf(put, options), 200);
  put.content_encoding = "identity";
  EXPECT_EQ(StatusOf(put, options), 200);
  put.content_encoding = "gzip";
  EXPECT_EQ(StatusOf(put, options), 415);
  put.content_encoding.clear();
  put.content_range = "bytes 0-4/10";
  EXPECT_EQ(StatusOf(put, options), 400);
}

// An admissible request for each path and each method that it allows.
std::vector<std::pair<const Route*, Request>> RequestsForAllRoutes() {
  std::vector<std::pair<const Route*, Request>> requests;
  for (const Route& route : Routes()) {
    for (const auto& each : kMethodNames) {
      if (!route.Allows(each.method)) continue;
      Request request = RequestFor(each.method, std::string(route.path));
      request.has_length = route.body != Body::kNone;
      request.content_type = std::string(kJsonType);
      requests.emplace_back(&route, std::move(request));
    }
  }
  return requests;
}

TEST(HttpAdmission, ConditionsAreForKeys) {
  Options options;
  SetDefaults(options);
  for (auto& [route, request] : RequestsForAllRoutes()) {
    request.has_if_none_match = true;
    const bool only_reads = request.method == Method::kGet || request.method == Method::kHead;
    EXPECT_EQ(StatusOf(request, options), only_reads || route->takes_conditions ? 200 : 400) << route->path;
    request.has_if_match = true;
    EXPECT_EQ(StatusOf(request, options), route->takes_conditions ? 200 : 400) << route->path;
  }
}

TEST(HttpAdmission, WithoutAConsoleItsPathsAreGone) {
  Options options;
  SetDefaults(options);
  options.http_console = static_cast<int64_t>(ConsoleMode::kNo);
  for (auto& [route, request] : RequestsForAllRoutes()) {
    EXPECT_EQ(StatusOf(request, options), route->is_of_console ? 404 : 200) << route->path;
  }
}

TEST(HttpAdmission, OptionsOfTheServerAreThoseOfAllPaths) {
  Options options;
  SetDefaults(options);
  const OnlyDefault server;
  const auto answer = Admit(RequestFor(Method::kOptions, "*"), {}, {options, server.users, nullptr});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().status, 204);
  ASSERT_EQ(answer.error().headers.size(), 1u);
  EXPECT_EQ(answer.error().headers[0].second, "OPTIONS, GET, HEAD, PUT, POST, DELETE");
  EXPECT_EQ(StatusOf(RequestFor(Method::kGet, "*"), options), 404);
}

TEST(HttpAdmission, WithAPasswordOnlyHealthIsOpen) {
  Options options;
  SetDefaults(options);
  options.requirepass.Set("secret");
  for (const Route& route : Routes()) {
    if (!route.Allows(Method::kGet)) continue;
    Request request = RequestFor(Method::kGet, std::string(route.path));
    const bool is_health = route.path == "/healthz" || route.path == "/readyz";
    EXPECT_EQ(StatusOf(request, options), is_health || route.is_public ? 200 : 401) << route.path;
    options.http_open_paths.Set("/metrics /keys/{key}");
    EXPECT_EQ(StatusOf(request, options), route.path == "/metrics" || route.is_public ? 200 : 401) << route.path;
    options.http_open_paths.Set("/healthz /readyz");
    request.authorization = "Bearer secret";
    EXPECT_EQ(StatusOf(request, options), 200) << route.path;
  }
  EXPECT_EQ(StatusOf(RequestFor(Method::kPut, "/keys/a"), options), 401) << "before anything is said about the rest";
}

TEST(HttpAdmission, NoPageOfAnotherOriginUsesTheConsole) {
  Options options;
  SetDefaults(options);
  for (const std::string path : {"/console/keys", "/console/events?samples", "/console/session", "/console/history"}) {
    Request request = RequestFor(Method::kGet, path);
    request.sec_fetch_site = "same-origin";
    EXPECT_EQ(StatusOf(request, options), 200) << path;
    request.sec_fetch_site = "Cross-Site";
    EXPECT_EQ(StatusOf(request, options), 403) << path;
    request.sec_fetch_site.clear();
    request.origin = "http://elsewhere";
    EXPECT_EQ(StatusOf(request, options), 403) << path;
  }
  Request page = RequestFor(Method::kGet, "/");
  page.sec_fetch_site = "cross-site";
  EXPECT_EQ(StatusOf(page, options), 200) << "a link leads to the page";
}

// A page that has bound its own name to this address may do nothing: its browser sends that name.
TEST(HttpAdmission, WithoutAPasswordTheHostIsChecked) {
  Options options;
  SetDefaults(options);
  for (auto& [route, request] : RequestsForAllRoutes()) {
    ASSERT_EQ(StatusOf(request, options), 200) << route->path;
    request.host = "evil.example:8080";
    request.origin = request.method == Method::kGet ? "" : "http://evil.example:8080";
    request.is_from_browser = true;
    EXPECT_EQ(StatusOf(request, options), route->shows_no_data ? 200 : 403) << route->path;
    request.is_from_browser = false;
    request.origin.clear();
    EXPECT_EQ(StatusOf(request, options), route->shows_no_data || route->is_for_programs ? 200 : 403) << route->path;
    request.target = "http://evil.example" + request.target;
    request.host = "127.0.0.1";
    EXPECT_EQ(StatusOf(request, options), route->shows_no_data || route->is_for_programs ? 200 : 403)
        << "the target wins";
  }
}

TEST(HttpAdmission, NamesOfOwnersAreTaken) {
  Options options;
  SetDefaults(options);
  Request request = RequestFor(Method::kGet, "/keys/a");
  request.host = "cache:8080";
  EXPECT_EQ(StatusOf(request, options), 403);
  options.http_allowed_hosts.Set("db cache");
  EXPECT_EQ(StatusOf(request, options), 200);
  options.http_allowed_hosts.Set("");
  options.replica_announce_ip.Set("Cache");
  EXPECT_EQ(StatusOf(request, options), 200) << "the name that this server announces as a replica";
  options.replica_announce_ip.Set("");
  ClusterView cluster;
  EXPECT_EQ(StatusOf(request, options, &cluster), 403);
  cluster.topology = *cluster::Topology::Parse("epoch 1\nshard a\nnode a1 shard a host cache port 1 role primary\n");
  EXPECT_EQ(StatusOf(request, options, &cluster), 200) << "other nodes send clients there";
  cluster.topology = {};
  cluster.shown = {{.ip = "10.0.0.1", .hostname = "Cache", .port = 1}};
  EXPECT_EQ(StatusOf(request, options, &cluster), 200) << "the name that a node announces";
  options.requirepass.Set("secret");
  EXPECT_EQ(StatusOf(request, options), 401) << "the password protects";
  request.authorization = "Bearer secret";
  EXPECT_EQ(StatusOf(request, options), 200);
  options.requirepass.Set("");
  request.hosts = 0;
  request.host.clear();
  request.is_1_0 = true;
  EXPECT_EQ(StatusOf(request, options), 200) << "no browser sends that";
}

TEST(HttpStatuses, AreInTheListThatMetricsCountBy) {
  for (size_t i = 0; i < kStatusCount; ++i) EXPECT_EQ(StatusIndex(kStatuses[i]), i);
  EXPECT_EQ(kStatuses[StatusIndex(999)], 500);
}

}  // namespace
}  // namespace ringkv::server::http
