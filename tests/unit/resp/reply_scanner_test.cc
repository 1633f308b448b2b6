// SPDX-License-Identifier: MIT
#include "resp/reply_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ringkv::resp {
namespace {

constexpr size_t kMost = 1 << 20;

const std::vector<std::string> kReplies = {"+OK\r\n",
                                           "-ERR no\r\n",
                                           ":42\r\n",
                                           "$3\r\na\r\n\r\n",
                                           "$-1\r\n",
                                           "$0\r\n\r\n",
                                           "*-1\r\n",
                                           "*0\r\n",
                                           "*2\r\n*1\r\n:1\r\n*2\r\n$1\r\nx\r\n+y\r\n",
                                           "%1\r\n+key\r\n*2\r\n_\r\n#t\r\n",
                                           "~1\r\n,1.5\r\n",
                                           "=7\r\ntxt:abc\r\n"};

TEST(ReplyScanner, FindsTheEndOfEachReplyHoweverItArrives) {
  for (const std::string& reply : kReplies) {
    ReplyScanner scanner;
    const std::string more = reply + "+next\r\n";
    size_t size = 0;
    for (size_t have = 0; have < reply.size(); ++have) {
      ASSERT_EQ(scanner.Scan(std::string_view(more).substr(0, have), kMost, &size), ReplyScanner::Status::kNeedMore)
          << reply << have;
    }
    ASSERT_EQ(scanner.Scan(more, kMost, &size), ReplyScanner::Status::kReply);
    EXPECT_EQ(size, reply.size());
    ASSERT_EQ(scanner.Scan(std::string_view(more).substr(size), kMost, &size), ReplyScanner::Status::kReply);
    EXPECT_EQ(size, 7u);
  }
}

TEST(ReplyScanner, KnownBytesMayBeForgotten) {
  for (const std::string& reply : kReplies) {
    ReplyScanner scanner;
    const std::string more = reply + "+next\r\n";
    size_t size = 0;
    size_t gone = 0;
    ReplyScanner::Status found = ReplyScanner::Status::kNeedMore;
    for (size_t have = 0; found == ReplyScanner::Status::kNeedMore; ++have) {
      found = scanner.Scan(std::string_view(more).substr(gone, have - gone), kMost, &size);
      if (found == ReplyScanner::Status::kReply) break;
      const size_t forgotten = std::min(scanner.known(), have - gone);
      scanner.Forget(forgotten);
      gone += forgotten;
    }
    ASSERT_EQ(found, ReplyScanner::Status::kReply) << reply;
    EXPECT_EQ(gone + size, reply.size());
  }
}

TEST(ReplyScanner, RefusesInvalidAndTooLargeReplies) {
  for (const std::string bytes : {"x\r\n", "$abc\r\n", "$-2\r\n", "*99999999999\r\n", "$2000000\r\n", "$\r\n"}) {
    size_t size = 0;
    EXPECT_EQ(ReplyScanner().Scan(bytes, kMost, &size), ReplyScanner::Status::kError) << bytes;
  }
  size_t size = 0;
  EXPECT_EQ(ReplyScanner().Scan(std::string(100, '+'), 50, &size), ReplyScanner::Status::kError);
}

TEST(ReplyScanner, RefusesALineThatDoesNotEnd) {
  constexpr size_t kLine = 64 * 1024;
  size_t size = 0;
  EXPECT_EQ(ReplyScanner().Scan(std::string(kLine, '+') + "\r\n", kMost, &size), ReplyScanner::Status::kReply);
  EXPECT_EQ(ReplyScanner().Scan(std::string(kLine + 1, '+'), kMost, &size), ReplyScanner::Status::kNeedMore);
  EXPECT_EQ(ReplyScanner().Scan(std::string(kLine + 2, '+'), kMost, &size), ReplyScanner::Status::kError);
}

}  // namespace
}  // namespace ringkv::resp
