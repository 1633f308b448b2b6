// SPDX-License-Identifier: MIT
// Requests that meet keys which a transaction holds for long.
#include "server/base/long_holds.h"

#include "server/migration/rdb_stream.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

using storage::Hold;

class LongHoldsTest : public SessionFixture {
 protected:
  void HoldKey(const std::string& key) {
    holder_.LockKey(key);
    holder_.HoldForLong();
  }
  // Of the same thread as the requests, as a script that is suspended.
  storage::Txn holder_{server_.store(), 0, server_.thread(0).random};
  const std::string busy_ =
      "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
};

TEST_F(LongHoldsTest, RequestsForHeldKeysArePostponedAndOthersAreNot) {
  Run("set held 1");
  Run("set free 1");
  HoldKey("held");
  for (const char* request : {"get held", "set held 2", "mget free held", "del free held", "keys *", "scan 0", "dbsize",
                              "randomkey", "flushall", "info", "config get maxmemory", "sort free by w_*"}) {
    EXPECT_EQ(Run(request), "<postponed>") << request;
  }
  EXPECT_EQ(Run("get free"), "$1\r\n1\r\n");
  EXPECT_EQ(Run("ping"), "+PONG\r\n");
  holder_.Unlock();
  EXPECT_EQ(Run("get held"), "$1\r\n1\r\n");
  EXPECT_EQ(Run("dbsize"), ":2\r\n");
}

TEST_F(LongHoldsTest, AHoldThatBeginsBehindTheAdmissionPostponesToo) {
  Run("mset held 1 free 1");
  HoldKey("held");
  for (const char* request : {"get held", "mget free held", "keys *", "dbsize", "flushall"}) {
    server_.needs().SetLongHold(false);  // as if it had begun only now
    EXPECT_EQ(Run(request), "<postponed>") << request;
    EXPECT_FALSE(server_.thread(0).txn.holds_any());
  }
  holder_.Unlock();
  EXPECT_EQ(Run("keys held"), "*1\r\n$4\r\nheld\r\n");
  EXPECT_NE(Run("info commandstats").find("cmdstat_keys:calls=1,"), std::string::npos) << "counted once";
}

TEST_F(LongHoldsTest, NobodyWaitsForACommandThatHasWaitedAndIsDone) {
  for (const char* request : {"config get maxmemory", "sort free by w_*", "dbsize", "info"}) {
    HoldKey("held");
    EXPECT_EQ(Run(request), "<postponed>") << request;
    EXPECT_TRUE(server_.execution_parts().long_holds.has_waiting_walk()) << request;
    holder_.Unlock();
    EXPECT_NE(Run(request), "<postponed>") << request;
    EXPECT_FALSE(server_.execution_parts().long_holds.has_waiting_walk()) << request;
  }
}

TEST_F(LongHoldsTest, ATransactionIsPostponedAsAWholeAndRunsLater) {
  Run("set held 1");
  Run("multi");
  Run("set free 2");
  Run("get held");
  HoldKey("held");
  EXPECT_EQ(Run("exec"), "<postponed>");
  server_.needs().SetLongHold(false);
  EXPECT_EQ(Run("exec"), "<postponed>");
  EXPECT_EQ(Run("get held"), "+QUEUED\r\n") << "it is still open";
  holder_.Unlock();
  EXPECT_EQ(Run("exec"), "*3\r\n+OK\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

TEST_F(LongHoldsTest, ATransactionIsPostponedForItsWatchedKeys) {
  Run("watch held");
  Run("multi");
  Run("ping");
  HoldKey("held");
  EXPECT_EQ(Run("exec"), "<postponed>");
  holder_.Unlock();
  EXPECT_EQ(Run("exec"), "*1\r\n+PONG\r\n");
}

TEST_F(LongHoldsTest, OverdueHoldsAreAnsweredBusy) {
  HoldKey("held");
  holder_.HoldForLong(Hold::kOverdue);
  EXPECT_EQ(Run("get held"), busy_);
  EXPECT_EQ(Run("dbsize"), busy_);
  EXPECT_EQ(Run("get free"), "$-1\r\n");
  Run("multi");
  EXPECT_EQ(Run("get held"), "+QUEUED\r\n");
  EXPECT_EQ(Run("exec"), "-EXECABORT Transaction discarded because of: " + busy_.substr(1));
  server_.execution_parts().long_holds.set_busy_with(BusyWith::kFunction);
  EXPECT_EQ(Run("get held"),
            "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n");
  holder_.Unlock();
  EXPECT_EQ(Run("get held"), "$-1\r\n");
}

TEST_F(LongHoldsTest, AllClientsOfAnOverdueThreadAreAnsweredBusy) {
  HoldKey("held");
  holder_.HoldForLong(Hold::kOverdue);
  server_.thread(0).is_overdue = true;
  EXPECT_EQ(Run("get free"), busy_);
  EXPECT_EQ(Run("multi"), "+OK\r\n");
  EXPECT_EQ(Run("get free"), busy_);
  EXPECT_EQ(Run("exec"), "-EXECABORT Transaction discarded because of: " + busy_.substr(1));
  server_.thread(0).is_overdue = false;
  holder_.Unlock();
  EXPECT_EQ(Run("get free"), "$-1\r\n");
}

TEST_F(LongHoldsTest, MemoryIsNotRefusedForWantOfKeysThatMayBeEvicted) {
  Run("set held 1");
  Run("config set maxmemory-policy allkeys-lru");
  Run("config set maxmemory 1");
  holder_.LockAll();
  holder_.HoldForLong();
  EXPECT_EQ(Run("set free 1"), "<postponed>");
  holder_.Unlock();
}

TEST_F(LongHoldsTest, ABlockedClientIsServedWhenAllItsKeysAreFree) {
  may_wait_ = true;
  const auto blocked = MakeSession();
  RunLineOn(*blocked, "blpop held free 0");
  ASSERT_TRUE(Ended<outcome::KeyWait>());
  HoldKey("held");
  EXPECT_EQ(Run("lpush free 1"), ":1\r\n");
  EXPECT_TRUE(server_.waiting_clients().has_held_back());
  EXPECT_EQ(server_.waiting_clients().size(), 1u);
  holder_.Unlock();
  server_.waiting_clients().ServeHeldBack();
  EXPECT_EQ(server_.waiting_clients().size(), 0u);
  EXPECT_EQ(Run("exists free"), ":0\r\n");
}

TEST_F(LongHoldsTest, APopulationDoesNotWaitForAHeldKey) {
  options_.enable_debug_command = static_cast<int64_t>(DebugCommand::kYes);
  server_.needs().Update();
  Run("debug populate 20 key");
  ASSERT_TRUE(Ended<outcome::Stream>());
  HoldKey("key:7");
  ReplyStream& stream = *std::get<outcome::Stream>(outcome_).parts;
  resp::Buffer out;
  storage::Txn& txn = server_.thread(0).txn;
  EXPECT_TRUE(stream.Continue(txn, out));
  EXPECT_TRUE(txn.TakeSkipped());
  holder_.Unlock();
  while (stream.Continue(txn, out)) continue;
  EXPECT_EQ(out.Readable(), "+OK\r\n");
  EXPECT_EQ(Run("dbsize"), ":20\r\n");
}

TEST_F(LongHoldsTest, AStreamOfAllKeysLeavesNoneOut) {
  Run("set held 1");
  RdbStream stream(16, std::string(40, 'e'));
  HoldKey("held");
  resp::Buffer out;
  storage::Txn& txn = server_.thread(0).txn;
  EXPECT_TRUE(stream.Continue(txn, out));
  EXPECT_TRUE(txn.TakeSkipped());
  EXPECT_EQ(out.Readable().find("held"), std::string_view::npos);
  holder_.Unlock();
  EXPECT_FALSE(stream.Continue(txn, out));
  EXPECT_NE(out.Readable().find("held"), std::string_view::npos);
}

}  // namespace
}  // namespace ringkv::server
