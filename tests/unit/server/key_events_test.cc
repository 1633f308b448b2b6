// SPDX-License-Identifier: MIT
#include "server/pubsub/key_events.h"

#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

// Keeps what subscribers of __keyevent@0__:* are told, as "event key" each.
class Heard final : public test::NoLinks {
 public:
  void Deliver(size_t, size_t, std::shared_ptr<const std::vector<uint64_t>>,
               std::shared_ptr<const std::string> bytes) override {
    std::vector<std::string> lines;
    for (size_t at = 0; at < bytes->size();) {
      const size_t end = bytes->find("\r\n", at);
      lines.push_back(bytes->substr(at, end - at));
      at = end + 2;
    }
    // *4, $8, pmessage, length, pattern, length, channel, length, message
    ASSERT_EQ(lines.size(), 9u) << *bytes;
    events_ += (events_.empty() ? "" : ", ") + lines[6].substr(lines[6].find(':') + 1) + " " + lines[8];
  }

  std::string Take() { return std::exchange(events_, {}); }

 private:
  std::string events_;
};

class KeyEventsTest : public SessionFixture {
 protected:
  KeyEventsTest() {
    server_.key_events().set_links(&heard_);
    Run("config set notify-keyspace-events EAn");
    RunLineOn(*subscriber_, "psubscribe __keyevent@0__:*");
  }

  std::string EventsOf(const std::string& line) {
    heard_.Take();
    Run(line);
    return heard_.Take();
  }

  Heard heard_;
  std::unique_ptr<Session> subscriber_ = MakeSession();
};

TEST_F(KeyEventsTest, ACommandThatEmptiesAKeySendsItsEventAndDel) {
  const struct {
    std::string setup, command, events;
  } cases[] = {
      {"sadd k a b", "spop k 2", "spop k, del k"},
      {"sadd k a b", "spop k 9", "spop k, del k"},
      {"sadd k a", "spop k", "spop k, del k"},
      {"sadd k a b", "srem k a b c", "srem k, del k"},
      {"sadd k a", "smove k to a", "srem k, del k, new to, sadd to"},
      {"hset k f v g v", "hdel k f g", "hdel k, del k"},
      {"rpush k a b", "lpop k 2", "lpop k, del k"},
      {"rpush k a b", "lmpop 1 k right count 5", "rpop k, del k"},
      {"rpush k a b", "ltrim k 5 9", "ltrim k, del k"},
      {"rpush k a a", "lrem k 0 a", "lrem k, del k"},
      {"rpush k a", "lmove k to left right", "new to, rpush to, lpop k, del k"},
      {"rpush k a", "brpop k 1", "rpop k, del k"},
      {"zadd k 1 a 2 b", "zrem k a b", "zrem k, del k"},
      {"zadd k 1 a 2 b", "zpopmin k 2", "zpopmin k, del k"},
      {"zadd k 1 a 2 b", "zmpop 1 k max count 5", "zpopmax k, del k"},
      {"zadd k 1 a 2 b", "bzmpop 1 1 k min count 2", "zpopmin k, del k"},
      {"zadd k 1 a 2 b", "zremrangebyrank k 0 -1", "zremrangebyrank k, del k"},
      {"zadd k 1 a 2 b", "zremrangebyscore k -inf inf", "zremrangebyscore k, del k"},
      {"zadd k 0 a 0 b", "zremrangebylex k - +", "zremrangebylex k, del k"},
      {"sadd k a", "sinterstore k k nosuch", "del k"},
      {"zadd k 1 a", "zdiffstore k 2 k k", "del k"},
      {"rpush k a", "sort nosuch store k", "del k"},
      {"set k v", "bitop and k nosuch", "del k"},
      {"set k v", "getdel k", "del k"},
  };
  for (const auto& each : cases) {
    Run("flushall");
    Run(each.setup);
    EXPECT_EQ(EventsOf(each.command), each.events) << each.setup << "; " << each.command;
  }
}

TEST_F(KeyEventsTest, AMembersNameIsNotTakenForAnOption) {
  EXPECT_EQ(EventsOf("zadd k 1 incr 2 b"), "new k, zadd k");
  EXPECT_EQ(EventsOf("zadd k incr 1 b"), "zincr k");
  Run("zadd min 1 a");
  EXPECT_EQ(EventsOf("zmpop 1 min max"), "zpopmax min, del min");
  EXPECT_EQ(EventsOf("set k ex"), "set k");
  EXPECT_EQ(EventsOf("set k v ex 100"), "set k, expire k");
}

TEST_F(KeyEventsTest, SettingABitToItsValueSendsNoNotification) {
  EXPECT_EQ(EventsOf("setbit k 7 0"), "new k, setbit k");
  EXPECT_EQ(EventsOf("setbit k 7 0"), "");
  EXPECT_EQ(EventsOf("setbit k 7 1"), "setbit k");
  EXPECT_EQ(EventsOf("bitfield k set u8 0 1 get u8 0"), "");
  EXPECT_EQ(EventsOf("bitfield k set u8 0 2 set u8 8 1"), "setbit k");
  EXPECT_EQ(EventsOf("bitfield k overflow fail set u1 100 2"), "");
}

TEST_F(KeyEventsTest, ATrimOfAnExistingListIsAlwaysAnEvent) {
  Run("rpush l a b c");
  EXPECT_EQ(EventsOf("ltrim l 1 1"), "ltrim l");
  EXPECT_EQ(EventsOf("ltrim l 0 -1"), "ltrim l");
  EXPECT_EQ(EventsOf("ltrim nosuch 0 -1"), "");
}

TEST_F(KeyEventsTest, AReplacedKeySendsNew) {
  Run("mset a 1 b 2");
  EXPECT_EQ(EventsOf("copy a b replace"), "new b, copy_to b");
  EXPECT_EQ(EventsOf("rename a b"), "new b, rename_from a, rename_to b");
}

TEST_F(KeyEventsTest, AnExpiredTargetIsDeletedWhereThereIsNothingToStore) {
  server_.housekeeping().set_active_expiry(false);
  Run("sadd s a");
  const auto events_of = [&](const std::string& command) {
    Run("set k v px 10");
    clock_.Advance(11);
    return EventsOf(command);
  };
  for (const std::string command :
       {"sunionstore k no", "sinterstore k s no", "sdiffstore k no s", "zunionstore k 1 no", "zinterstore k 2 no s",
        "zdiffstore k 1 no", "zrangestore k no 0 -1", "sort no store k", "bitop and k no",
        "geosearchstore k no fromlonlat 0 0 byradius 1 m"}) {
    EXPECT_EQ(events_of(command), "del k") << command;
  }
  EXPECT_EQ(events_of("sunionstore k s"), "expired k, new k, sunionstore k");
  EXPECT_EQ(events_of("get k"), "expired k");
}

TEST_F(KeyEventsTest, EachCommandOfATransactionSendsItsNotifications) {
  Run("multi");
  Run("rpush l a");
  Run("rpush l b");
  EXPECT_EQ(EventsOf("exec"), "new l, rpush l, rpush l");
}

}  // namespace
}  // namespace ringkv::server
