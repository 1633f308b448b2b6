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

TEST_F(AdministrationTest, TheSlowLogHasTwoNamesAndLargeRepliesALogOfTheirOwn) {
  Run("config set commandlog-execution-slower-than 0 commandlog-reply-larger-than 1000");
  EXPECT_EQ(Run("config get slowlog-log-slower-than"), "*2\r\n$23\r\nslowlog-log-slower-than\r\n$1\r\n0\r\n");
  Run("setrange text 2000 x");
  Run("get text");
  Run("config set slowlog-log-slower-than -1");
  EXPECT_EQ(Run("commandlog get -1 slow"), Run("slowlog get -1"));
  EXPECT_NE(Run("slowlog get -1").find("setrange"), std::string::npos);
  EXPECT_EQ(Run("commandlog len large-reply"), ":1\r\n");
  const std::string large = Run("commandlog get -1 large-reply");
  EXPECT_NE(large.find(":2010\r\n*2\r\n$3\r\nget\r\n$4\r\ntext\r\n"), std::string::npos) << large;
  Run("commandlog reset slow");
  EXPECT_EQ(Run("slowlog len"), ":0\r\n");
  EXPECT_EQ(Run("commandlog len large-reply"), ":1\r\n");
}

// Of the bytes of the arguments; passwords are as hidden as in the slow log.
TEST_F(AdministrationTest, LargeRequestsAreKeptShortened) {
  Run("config set commandlog-request-larger-than 500 commandlog-large-request-max-len 1");
  RunOn(*session_, {"set", "key", std::string(494, 'x')});
  RunOn(*session_, {"set", "key", std::string(493, 'x')});
  const std::string log = Run("commandlog get -1 large-request");
  EXPECT_NE(log.find(":500\r\n*3\r\n"), std::string::npos) << log;
  EXPECT_NE(log.find("... (366 more bytes)"), std::string::npos) << log;
  RunOn(*session_, {"auth", std::string(1000, 'p')});
  EXPECT_EQ(Run("commandlog get -1 large-request").find("ppp"), std::string::npos);
  Run("config set commandlog-large-request-max-len 0");
  EXPECT_EQ(Run("commandlog len large-request"), ":0\r\n");
}

TEST_F(AdministrationTest, ClientsLearnTheZoneThatHasAName) {
  EXPECT_EQ(Run("hello 2").substr(0, 5), "*14\r\n");
  EXPECT_NE(Run("info server").find("\r\navailability_zone:\r\n"), std::string::npos);
  Run("config set availability-zone here");
  const std::string pair = "$17\r\navailability_zone\r\n$4\r\nhere\r\n";
  for (const auto& [version, size] : {std::pair("2", "*16\r\n"), std::pair("3", "%8\r\n")}) {
    const std::string hello = Run(std::string("hello ") + version);
    EXPECT_EQ(hello.substr(0, hello.find('\n') + 1), size);
    EXPECT_TRUE(hello.ends_with(pair)) << hello;
  }
  EXPECT_NE(Run("info server").find("availability_zone:here\r\n"), std::string::npos);
}

}  // namespace
}  // namespace ringkv::server
