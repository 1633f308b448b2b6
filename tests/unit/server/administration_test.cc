// SPDX-License-Identifier: MIT
// Administrative commands whose work waits for others, or takes long.
#include "server/execution/administration.h"

#include <condition_variable>
#include <deque>

#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class AwaitedLinks final : public test::NoLinks {
 public:
  void Answer(const ClientCard&, LateAnswer answer) override {
    {
      storage::MutexLock lock(mutex_);
      answers_.push_back(std::move(answer.reply));
    }
    has_come_.notify_all();
  }
  std::string Await() {
    storage::MutexLock lock(mutex_);
    while (answers_.empty()) mutex_.Wait(has_come_);
    std::string answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

 private:
  storage::Mutex mutex_;
  std::condition_variable has_come_;
  std::deque<std::string> answers_ GUARDED_BY(mutex_);
};

struct WithAwaitedLinks {
  AwaitedLinks links_;
};

class AdministrationTest : protected WithAwaitedLinks, public SessionFixture {
 protected:
  AdministrationTest() : SessionFixture(links_) {
    may_wait_ = true;
    options_.enable_debug_command = static_cast<int64_t>(DebugCommand::kYes);
    server_.needs().Update();
  }
  ~AdministrationTest() override { static_cast<void>(server_.Stop()); }

  // As a script of another thread that becomes long when the next request has been admitted already.
  void HoldBehindTheAdmission() {
    holder_.LockKey("held");
    holder_.HoldForLong();
    server_.needs().SetLongHold(false);
  }

  storage::Txn holder_{server_.store(), 0, server_.thread(0).random};
};

TEST_F(AdministrationTest, TheThreadDoesNotWaitForAScriptThatHasJustBecomeLong) {
  for (const char* request : {"save", "replicaof 127.0.0.1 1", "replicaof no one", "debug reload"}) {
    SCOPED_TRACE(request);
    HoldBehindTheAdmission();
    Run(request);
    EXPECT_TRUE(Ended<outcome::LateReply>());
    EXPECT_EQ(Run("ping"), "+PONG\r\n");
    holder_.Unlock();
    EXPECT_EQ(links_.Await(), "+OK\r\n");
  }
}

TEST_F(AdministrationTest, ExecIsAnsweredWhenTheWorkOfItsCommandsIsDone) {
  Run("replicaof 127.0.0.1 1");
  EXPECT_EQ(links_.Await(), "+OK\r\n");
  Run("multi");
  Run("replicaof no one");
  HoldBehindTheAdmission();
  EXPECT_EQ(Run("exec"), "*1\r\n+OK\r\n");  // which the connection keeps until the answer
  EXPECT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(Run("ping"), "+PONG\r\n");
  holder_.Unlock();
  EXPECT_EQ(links_.Await(), "");
  EXPECT_NE(Run("role").find("master"), std::string::npos);
}

TEST_F(AdministrationTest, AnErrorOfTheWorkIsTheReply) {
  Run("failover");
  EXPECT_TRUE(Ended<outcome::Done>()) << "what is wrong already is said at once";
  Run("multi");
  Run("replicaof no one");
  Run("get key");
  EXPECT_EQ(Run("exec"), "*2\r\n+OK\r\n$-1\r\n");
  EXPECT_EQ(links_.Await(), "");
}

TEST_F(AdministrationTest, ACallerThatCantBeAnsweredLaterWaits) {
  may_wait_ = false;
  EXPECT_EQ(Run("save"), "+OK\r\n");
  EXPECT_TRUE(Ended<outcome::Done>());
}

}  // namespace
}  // namespace ringkv::server
