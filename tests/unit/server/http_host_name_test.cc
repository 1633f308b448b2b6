// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string_view>

#include "server/http/host_name.h"
#include "server/http/request.h"
#include "server/http/url.h"

namespace ringkv::server::http {
namespace {

TEST(HttpHostName, IsReadFromTheTargetOrTheHostLine) {
  Request request;
  request.host = "a:80";
  request.target = "/keys/http://b/";
  EXPECT_EQ(AuthorityOf(request), "a:80");
  request.target = "HTTP://b:90?x";
  EXPECT_EQ(AuthorityOf(request), "b:90");
  EXPECT_EQ(SplitTarget(request.target).path, "/");
  EXPECT_EQ(SplitTarget(request.target).query, "x");
  EXPECT_EQ(SplitTarget("/a?b?c").path, "/a");
  EXPECT_EQ(SplitTarget("/a?b?c").query, "b?c");
  EXPECT_EQ(SplitTarget("http://b?c=http://d/e").path, "/");
  EXPECT_EQ(HostOf("name:80"), "name");
  EXPECT_EQ(HostOf("name."), "name");
  EXPECT_EQ(HostOf("[::1]:80"), "::1");
  EXPECT_EQ(HostOf("127.0.0.1:80@evil.example"), "127.0.0.1:80@evil.example") << "not a port";
  EXPECT_EQ(HostOf("[::1]evil.example"), "[::1]evil.example");
  EXPECT_EQ(HostOf("[::1"), "[::1");
}

TEST(HttpHostName, OnlyAddressesAndLocalhostCantBeRebound) {
  for (const std::string_view host :
       {"127.0.0.1", "10.1.2.3", "::1", "fe80::1", "localhost", "LocalHost", "a.localhost"}) {
    EXPECT_TRUE(IsAddressOrLocalhost(host)) << host;
  }
  for (const std::string_view host : {"", "evil.example", "localhost.evil.example", "notlocalhost",
                                      "127.0.0.1.evil.example", "127.1", "0x7f000001", "127.0.0.1 ", "::1%lo"}) {
    EXPECT_FALSE(IsAddressOrLocalhost(host)) << host;
  }
  EXPECT_FALSE(IsAllowedHost("a", ""));
  EXPECT_TRUE(IsAllowedHost("Cache", "db cache"));
  EXPECT_FALSE(IsAllowedHost("cache2", "cache"));
  EXPECT_TRUE(IsAllowedHost("a.b.svc", ".svc"));
  EXPECT_FALSE(IsAllowedHost("b-svc", ".svc"));
  EXPECT_TRUE(IsAllowedHost("anything", "*"));
}

}  // namespace
}  // namespace ringkv::server::http
