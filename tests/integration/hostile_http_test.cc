// SPDX-License-Identifier: MIT
// What tests/data/http says of bytes that people send to attack, or by mistake.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/http_corpus.h"

namespace ringkv::test {
namespace {

constexpr const char* kProbe = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

class HostileHttp : public testing::Test {
 protected:
  // Sends the case and a request behind it, in pieces of so many bytes.
  void Try(const HttpCase& each, size_t piece) {
    SCOPED_TRACE(each.name + ", in pieces of " + std::to_string(piece));
    HttpClient client(port_);
    const int yes = 1;
    ::setsockopt(client.socket(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const std::string bytes = each.bytes + kProbe;
    for (size_t at = 0; at < bytes.size(); at += piece) client.Send(bytes.substr(at, piece));
    for (const int status : each.statuses) {
      const HttpReply reply = client.Receive();
      EXPECT_EQ(reply.status, status) << reply.body;
    }
    if (each.closes) {
      EXPECT_TRUE(client.HasEnded());
    } else {
      EXPECT_EQ(client.Receive().status, 200) << "what follows is answered";
    }
  }

  const int port_ = FreePorts(1)[0];
  const ServerProcess server_{
      {"--http-port", std::to_string(port_), "--http-max-head-size", "2048", "--http-max-body-size", "4096"}};
  const std::vector<HttpCase> cases_ = HttpCases(std::string(RINGKV_SOURCE) + "/tests/data/http");
};

TEST_F(HostileHttp, RequestsOfTheCorpusGetItsResponses) {
  ASSERT_GT(cases_.size(), 100u);
  for (const HttpCase& each : cases_) {
    ASSERT_FALSE(each.statuses.empty()) << each.name;
    Try(each, each.bytes.size() + 100);
  }
}

TEST_F(HostileHttp, IsAnsweredAlikeByteByByte) {
  for (const HttpCase& each : cases_) {
    if (each.bytes.size() < 1000) Try(each, 1);
  }
}

}  // namespace
}  // namespace ringkv::test
