// SPDX-License-Identifier: MIT
#include "resp/request_parser.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ringkv::resp {
namespace {

using Requests = std::vector<std::vector<std::string>>;

// Shows the parser the input in pieces of `step` bytes and collects what it understands.
struct Run {
  Requests requests;
  std::string error;
};

Run ParseInPieces(const std::string& input, size_t step, bool authenticated = true, RequestLimits limits = {}) {
  Run run;
  RequestParser parser;
  std::string pending;
  for (size_t at = 0; at < input.size(); at += step) {
    pending += input.substr(at, step);
    while (true) {
      const ParseStatus status = parser.Parse(pending, limits, authenticated);
      if (status == ParseStatus::kNeedMore) break;
      if (status == ParseStatus::kError) {
        run.error = parser.error();
        return run;
      }
      if (status == ParseStatus::kRequest) {
        run.requests.emplace_back(parser.arguments().begin(), parser.arguments().end());
      }
      pending.erase(0, parser.consumed());
    }
  }
  return run;
}

std::string ErrorOf(const std::string& input, bool authenticated = true) {
  return ParseInPieces(input, input.size(), authenticated).error;
}

TEST(RequestParser, UnderstandsPipelinedRequestsSplitAtAnyByte) {
  const std::string input =
      "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\na\r\nb\n\r\n*0\r\nPING\r\n\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n"
      "set \"a b\" 'c\\'d' \"\\x41\\n\"\r\n";
  const Requests expected = {{"SET", "a", "a\r\nb\n"}, {"PING"}, {"GET", ""}, {"set", "a b", "c'd", "A\n"}};
  for (size_t step = 1; step <= input.size(); ++step) {
    EXPECT_EQ(ParseInPieces(input, step).requests, expected) << "in pieces of " << step;
  }
}

TEST(RequestParser, ReportsErrorsInTheWordsOfRedis) {
  EXPECT_EQ(ErrorOf("*x\r\n"), "invalid multibulk length");
  EXPECT_EQ(ErrorOf("*2147483648\r\n"), "invalid multibulk length");
  EXPECT_EQ(ErrorOf("*2147483647\r\n"), "");
  EXPECT_EQ(ErrorOf("*1\r\n!3\r\nGET\r\n"), "expected '$', got '!'");
  EXPECT_EQ(ErrorOf("*1\r\n\r\n"), "expected '$', got '\r'");
  EXPECT_EQ(ErrorOf("*1\r\n$-1\r\n"), "invalid bulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$03\r\n"), "invalid bulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$536870913\r\n"), "invalid bulk length");
  EXPECT_EQ(ErrorOf("*" + std::string(70000, '1')), "too big mbulk count string");
  EXPECT_EQ(ErrorOf("*1\r\n$" + std::string(70000, '1')), "too big bulk count string");
  EXPECT_EQ(ErrorOf(std::string(70000, 'x')), "too big inline request");
  EXPECT_EQ(ErrorOf("get \"a\r\n"), "unbalanced quotes in request");
  EXPECT_EQ(ErrorOf("get \"a\"b\r\n"), "unbalanced quotes in request");
}

TEST(RequestParser, GivesStrangersLess) {
  EXPECT_EQ(ErrorOf("*11\r\n", false), "unauthenticated multibulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$16385\r\n", false), "unauthenticated bulk length");
  EXPECT_EQ(ErrorOf("*10\r\n$16384\r\n", false), "");
}

TEST(RequestParser, NegativeAndEmptyArraysAreNothing) {
  EXPECT_EQ(ParseInPieces("*-1\r\n*0\r\nPING\r\n", 3).requests, (Requests{{"PING"}}));
}

TEST(RequestParser, ARequestOfMillionsOfArgumentsIsOne) {
  constexpr size_t kArguments = 1'500'000;
  std::string input = "*" + std::to_string(kArguments) + "\r\n";
  for (size_t i = 0; i < kArguments; ++i) input += "$1\r\na\r\n";
  RequestParser parser;
  EXPECT_EQ(parser.Parse(std::string_view(input).substr(0, input.size() / 2), {}, true), ParseStatus::kNeedMore);
  EXPECT_GT(parser.ArgumentBytes(), kArguments / 2 * sizeof(std::string_view)) << "who bounds memory has to know";
  EXPECT_EQ(parser.Parse(input, {}, true), ParseStatus::kRequest);
  EXPECT_EQ(parser.arguments().size(), kArguments);
  EXPECT_EQ(parser.ArgumentBytes(), 0u);
}

TEST(RequestParser, ReportsTheMissingBytesOfALongArgument) {
  RequestParser parser;
  const std::string head = "*2\r\n$3\r\nGET\r\n$1000\r\nabc";
  EXPECT_EQ(parser.Parse(head, {}, true), ParseStatus::kNeedMore);
  EXPECT_EQ(parser.BytesMissing(head.size()), 1000u - 3 + 2);
}

// A parser that starts over with each piece would take hours for this.
TEST(RequestParser, ALongLineOrManyPiecesCostLinearTime) {
  const auto start = std::chrono::steady_clock::now();
  std::string input = "*1000\r\n";
  for (int i = 0; i < 1000; ++i) input += "$100\r\n" + std::string(100, 'x') + "\r\n";
  RequestParser parser;
  size_t understood = 0;
  for (size_t size = 1; size <= input.size(); ++size) {
    if (parser.Parse(std::string_view(input).substr(0, size), {}, true) == ParseStatus::kRequest) ++understood;
  }
  EXPECT_EQ(understood, 1u);
  RequestLimits limits;
  limits.inline_bytes = 1 << 20;
  const std::string line(1 << 20, 'x');
  for (size_t size = 1; size < line.size(); ++size) parser.Parse(std::string_view(line).substr(0, size), limits, true);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace ringkv::resp
