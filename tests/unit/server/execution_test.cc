// SPDX-License-Identifier: MIT
#include <set>
#include <sstream>

#include "server/execution/route.h"
#include "server/execution/stages.h"
#include "storage/transaction/totals.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class ExecutionTest : public SessionFixture {};

TEST_F(ExecutionTest, AClientInMonitorHasNoAccessToKeys) {
  may_wait_ = true;
  EXPECT_EQ(Run("monitor"), "+OK\r\n");
  EXPECT_EQ(Run("get key"), "-ERR Replica can't interact with the keyspace\r\n");
  EXPECT_EQ(Run("set key value"), "-ERR Replica can't interact with the keyspace\r\n");
  EXPECT_EQ(Run("ping"), "+PONG\r\n");
  Run("reset");
  EXPECT_EQ(Run("get key"), "$-1\r\n");
}

TEST_F(ExecutionTest, RunsACommand) {
  EXPECT_EQ(Run("set a 1"), "+OK\r\n");
  EXPECT_EQ(Run("GET a"), "$1\r\n1\r\n");
}

TEST_F(ExecutionTest, ANumberMayHaveAnyNumberOfDigits) {
  EXPECT_EQ(Run("zadd z 1" + std::string(300, '0') + " large"), ":1\r\n");
  EXPECT_EQ(Run("zscore z large"), "$23\r\n1.0000000000000001e+300\r\n");
  EXPECT_EQ(Run("zadd z " + std::string(60'000, '0') + "7.5 zeros"), ":1\r\n");
  EXPECT_EQ(Run("zscore z zeros"), "$3\r\n7.5\r\n");
  for (const std::string& none : {std::string(310, '1'), std::string(300, '1') + "x", std::string("nan")}) {
    EXPECT_EQ(Run("zadd z " + none + " m"), "-ERR value is not a valid float\r\n") << none;
  }
  // A long double is shorter, as in redis-server 7.0.
  EXPECT_EQ(Run("incrbyfloat f " + std::string(5 * 1024 - 2, '0') + "1"), "$1\r\n1\r\n");
  EXPECT_EQ(Run("incrbyfloat f " + std::string(5 * 1024 - 1, '0') + "1"), "-ERR value is not a valid float\r\n");
}

TEST_F(ExecutionTest, SPopOfManyTakesEachMemberOnce) {
  constexpr int kMembers = 2000;
  for (int i = 0; i < kMembers; ++i) Run("sadd set member:" + std::to_string(i));
  std::istringstream popped(Run("spop set 1500"));
  std::set<std::string> taken;
  for (std::string line; std::getline(popped, line);) {
    if (line.starts_with("member:")) taken.insert(line.substr(0, line.find('\r')));
  }
  EXPECT_EQ(taken.size(), 1500u);
  EXPECT_EQ(Run("scard set"), ":500\r\n");
  for (const std::string& member : taken) EXPECT_EQ(Run("sismember set " + member), ":0\r\n");
}

TEST_F(ExecutionTest, ARequestThatIsPostponedStillComesBehindAsking) {
  server_.thread(0).cluster_view = std::make_shared<ClusterView>();
  session_->is_asking = true;
  resp::Buffer out;
  resp::ReplyWriter reply(out, 2);
  const Caller caller{
      .parts = server_.execution_parts(), .thread = server_.thread(0), .session = *session_, .reply = reply};
  const std::vector<std::string_view> argv{"ping"};
  const Request request{.argv = argv};
  Outcome outcome;
  Execution execution{.caller = caller, .request = request, .outcome = outcome};
  ASSERT_TRUE(FindCommand(execution));
  EXPECT_TRUE(Route(execution));
  EXPECT_FALSE(session_->is_asking) << "it is for one request";
  execution.Postpone();
  EXPECT_TRUE(session_->is_asking);
}

TEST_F(ExecutionTest, ExecIsRefusedAfterARefusedCommand) {
  Run("multi");
  EXPECT_EQ(Run("set a 1"), "+QUEUED\r\n");
  EXPECT_EQ(Run("nosuch"), "-ERR unknown command 'nosuch', with args beginning with: \r\n");
  EXPECT_EQ(Run("exec"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
  EXPECT_EQ(Run("get a"), "$-1\r\n");
}

TEST_F(ExecutionTest, AnErrorInsideOfExecStopsNothing) {
  Run("multi");
  Run("set a x");
  Run("incr a");
  Run("set a y");
  EXPECT_EQ(Run("exec"), "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+OK\r\n");
}

TEST_F(ExecutionTest, AWatchedKeyThatChangesEndsTheTransaction) {
  const auto other = MakeSession();
  Run("watch a");
  Run("multi");
  Run("get a");
  RunLineOn(*other, "set a 1");
  EXPECT_EQ(Run("exec"), "*-1\r\n");
  Run("multi");
  Run("get a");
  EXPECT_EQ(Run("exec"), "*1\r\n$1\r\n1\r\n");
}

TEST_F(ExecutionTest, KeysThatAHandlerNamesAreFoundBehindAWatch) {
  Run("rpush list e1");
  Run("set weight-of-item-e1 V");
  for (int i = 0; i < 20; ++i) {  // as long as the key that SORT makes, which may stand where this one stood
    Run("watch watched-key-00001");
    Run("multi");
    Run("unwatch");
    Run("sort list by nosort get weight-of-item-*");
    EXPECT_EQ(Run("exec"), "*2\r\n+OK\r\n*1\r\n$1\r\nV\r\n");
  }
}

TEST_F(ExecutionTest, WatchHearsOfExpiryFlushAndRename) {
  const auto other = MakeSession();
  const std::vector<std::string> causes = {"flushall", "del a", "rename b a", "expire a 1000", "swapdb 0 1"};
  for (const std::string& cause : causes) {
    Run("set a 1");
    Run("set b 1");
    Run("watch a");
    RunLineOn(*other, cause);
    Run("multi");
    Run("ping");
    EXPECT_EQ(Run("exec"), "*-1\r\n") << cause;
    Run("flushall");
  }
  Run("set a 1 px 10");
  Run("watch a");
  clock_.Advance(20);
  Run("multi");
  Run("ping");
  EXPECT_EQ(Run("exec"), "*-1\r\n");
}

TEST_F(ExecutionTest, WatchHearsOfEntriesOfAStreamAndNotOfItsGroups) {
  const auto other = MakeSession();
  const auto is_touched_by = [&](const std::string& cause) {
    Run("watch x");
    RunLineOn(*other, cause);
    Run("multi");
    Run("ping");
    return Run("exec") == "*-1\r\n";
  };
  EXPECT_TRUE(is_touched_by("xgroup create x g 0 mkstream"));
  EXPECT_TRUE(is_touched_by("xadd x 1-1 f v"));
  for (const std::string cause :
       {"xgroup create x h 0", "xreadgroup group g c streams x >", "xclaim x g d 0 1-1", "xack x g 1-1", "xsetid x 9-9",
        "xgroup setid x g 0", "xgroup createconsumer x g e", "xgroup delconsumer x g e", "xgroup destroy x h"}) {
    EXPECT_FALSE(is_touched_by(cause)) << cause;
  }
  EXPECT_TRUE(is_touched_by("xdel x 1-1"));
}

TEST_F(ExecutionTest, FlushingAMissingKeyTouchesNoWatch) {
  const auto other = MakeSession();
  Run("watch missing");
  RunLineOn(*other, "flushall");
  Run("multi");
  Run("ping");
  EXPECT_EQ(Run("exec"), "*1\r\n+PONG\r\n");
}

TEST_F(ExecutionTest, SeveralSessionsMayWatchAKeyAndEachLetsGoOfItAlone) {
  std::vector<std::unique_ptr<Session>> watchers;
  for (int i = 0; i < 4; ++i) {
    watchers.push_back(MakeSession());
    RunLineOn(*watchers.back(), "watch a b a c");
  }
  EXPECT_EQ(watchers[0]->watch.keys.size(), 3u);
  watchers.erase(watchers.begin() + 3);
  RunLineOn(*watchers[1], "unwatch");
  EXPECT_EQ(watchers[1]->watch.bytes, 0u);
  Run("set a 1");
  for (const auto& [watcher, reply] :
       {std::pair(0, "*-1\r\n"), std::pair(1, "*1\r\n+PONG\r\n"), std::pair(2, "*-1\r\n")}) {
    RunLineOn(*watchers[static_cast<size_t>(watcher)], "multi");
    RunLineOn(*watchers[static_cast<size_t>(watcher)], "ping");
    EXPECT_EQ(RunLineOn(*watchers[static_cast<size_t>(watcher)], "exec"), reply) << watcher;
  }
}

TEST_F(ExecutionTest, WatchedKeysCountAsTheClientsMemoryAndAreBounded) {
  ASSERT_EQ(Run("config set client-query-buffer-limit 1mb"), "+OK\r\n");
  const std::string key(1000, 'k');
  std::vector<std::string> words = {"watch"};
  for (int i = 0; i < 500; ++i) words.push_back(key + std::to_string(i));
  EXPECT_EQ(RunOn(*session_, words), "+OK\r\n");
  session_->UpdateCard(clock_.Now());
  EXPECT_GT(session_->card->watch_bytes.load(), 500'000u);
  for (std::string& word : words) word += word == "watch" ? "" : "x";
  EXPECT_EQ(RunOn(*session_, words), "-ERR the watched keys exceed client-query-buffer-limit\r\n");
  Run("unwatch");
  session_->UpdateCard(clock_.Now());
  EXPECT_EQ(session_->card->watch_bytes.load(), 0u);
  EXPECT_EQ(RunOn(*session_, words), "+OK\r\n");
}

TEST_F(ExecutionTest, CollectionsOfMoreThan64ElementsAreFreedInTheBackground) {
  for (const char* removal : {"unlink s", "set s v", "rename other s"}) {
    for (const size_t size : {64, 65}) {
      Run("del s");
      Run("config resetstat");
      std::vector<std::string> words = {"sadd", "s", std::string(100, 'x')};  // long texts are not packed
      for (size_t i = 1; i < size; ++i) words.push_back("member:" + std::to_string(i));
      RunOn(*session_, words);
      Run("set other v");
      Run(removal);
      const storage::Reclaimer& reclaimer = server_.store().reclaimer();
      while (reclaimer.pending() > 0) std::this_thread::yield();
      EXPECT_EQ(reclaimer.freed(), size == 65 ? 1u : 0u) << removal << ", " << size;
    }
  }
}

TEST_F(ExecutionTest, InfoTellsTheAverageTimeToLive) {
  Run("set lasting v");
  Run("set a v px 1000");
  Run("set b v px 3000");
  EXPECT_NE(Run("info keyspace").find("db0:keys=3,expires=2,avg_ttl=2000,subexpiry=0\r\n"), std::string::npos);
  Run("persist b");
  EXPECT_NE(Run("info keyspace").find("db0:keys=3,expires=1,avg_ttl=1000,subexpiry=0\r\n"), std::string::npos);
}

TEST_F(ExecutionTest, EveryCommandMayStandInATransaction) {
  options_.enable_debug_command = static_cast<int64_t>(DebugCommand::kYes);
  server_.needs().Update();
  for (size_t i = 0; i < server_.commands().size(); ++i) {
    const CommandEntry& entry = server_.commands().entry(i);
    if (entry.row->Has(kRunsInMulti) || entry.row->is_container) continue;
    if (entry.row->Is(kNoMulti) || entry.row->Has(kAnswersLate)) continue;
    std::vector<std::string> words = {entry.full_name};
    if (!entry.row->parent.empty()) words = {std::string(entry.row->parent), std::string(entry.row->name)};
    while (static_cast<int>(words.size()) < std::abs(entry.row->arity)) words.push_back("1");
    Run("multi");
    EXPECT_EQ(RunOn(*session_, words), "+QUEUED\r\n") << entry.full_name;
    EXPECT_EQ(Run("exec").substr(0, 4), "*1\r\n") << entry.full_name;
    Run("reset");
    Run("replicaof no one");  // it may have become a replica
    clock_.Advance(10);       // a pause that was among them is over
  }
}

TEST_F(ExecutionTest, WithoutThePasswordOnlyAFewCommandsRun) {
  server_.users().SetDefaultPassword("secret");
  server_.needs().Update();
  const auto stranger = MakeSession();
  EXPECT_EQ(RunLineOn(*stranger, "get a"), "-NOAUTH Authentication required.\r\n");
  EXPECT_EQ(RunLineOn(*stranger, "auth wrong").substr(0, 10), "-WRONGPASS");
  EXPECT_EQ(RunLineOn(*stranger, "auth secret"), "+OK\r\n");
  EXPECT_EQ(RunLineOn(*stranger, "get a"), "$-1\r\n");
  // A connection that was there before the password keeps its right, as in Redis.
  EXPECT_EQ(Run("get a"), "$-1\r\n");
}

TEST_F(ExecutionTest, AReadOnlyServerRefusesWrites) {
  Run("config set read-only yes");
  EXPECT_EQ(Run("set a 1"), "-READONLY You can't write against a read only replica.\r\n");
  EXPECT_EQ(Run("get a"), "$-1\r\n");
  Run("multi");
  Run("set a 1");
  EXPECT_EQ(Run("exec").substr(0, 10), "-EXECABORT");
}

TEST_F(ExecutionTest, ARefusedExecEndsTheTransaction) {
  const auto other = MakeSession();
  const std::string because = "-EXECABORT Transaction discarded because of: ";
  Run("multi");
  Run("set a 1");
  EXPECT_EQ(Run("exec now"), because + "wrong number of arguments for 'exec' command\r\n");
  EXPECT_EQ(Run("exec"), "-ERR EXEC without MULTI\r\n");
  Run("watch a");
  Run("multi");
  Run("set a 1");
  RunLineOn(*other, "config set min-replicas-to-write 1");
  EXPECT_EQ(Run("exec"), because + "NOREPLICAS Not enough good replicas to write.\r\n");
  EXPECT_EQ(Run("exec"), "-ERR EXEC without MULTI\r\n");
  EXPECT_TRUE(session_->watch.keys.empty());
}

TEST_F(ExecutionTest, ClientListShowsARefusedCommandToo) {
  const auto other = MakeSession();
  const auto shown = [&] {
    const std::string list = RunLineOn(*other, "client list");
    const size_t begin = list.find("cmd=") + 4;
    return list.substr(begin, list.find(' ', begin) - begin);
  };
  const std::pair<std::string, std::string> steps[] = {{"get", "get"},
                                                       {"nonesuch a", "NULL"},
                                                       {"get a", "get"},
                                                       {"client", "client"},
                                                       {"client nonesuch", "NULL"},
                                                       {"multi", "multi"},
                                                       {"set a 1", "set"},
                                                       {"exec", "exec"},
                                                       {"subscribe x", "subscribe"},
                                                       {"get a", "get"},
                                                       {"reset", "reset"}};
  for (const auto& [line, command] : steps) {
    Run(line);
    EXPECT_EQ(shown(), command) << line;
  }
  server_.users().SetDefaultPassword("secret");
  session_->authenticated = false;
  EXPECT_TRUE(Run("get a").starts_with("-NOAUTH"));
  EXPECT_EQ(shown(), "get");
}

TEST_F(ExecutionTest, ResetTakesBackAllThatAClientHasAskedFor) {
  for (const std::string command :
       {"replconf capa eof capa psync2 rdb-only 1 listening-port 7 ip-address h", "client no-touch on", "hello 3",
        "select 3", "client no-evict on", "client setname me"}) {
    Run(command);
  }
  session_->reads_from_replica = true;  // READONLY and ASKING, which only a cluster has
  session_->is_asking = true;
  EXPECT_EQ(Run("reset"), "+RESET\r\n");
  EXPECT_EQ(session_->db, 0);
  EXPECT_EQ(session_->protocol, 2);
  EXPECT_FALSE(session_->reads_from_replica || session_->is_asking || session_->no_touch);
  EXPECT_FALSE(session_->card->no_evict || session_->card->no_touch);
  EXPECT_FALSE(session_->takes_end_mark || session_->takes_new_history || session_->wants_rdb_only ||
               session_->speaks_node_link);
  EXPECT_EQ(session_->card->replica_port, 0);
  EXPECT_EQ(session_->card->replica_host.Get() + session_->card->name.Get(), "");
  Run("sync");
  EXPECT_TRUE(Ended<outcome::HandOver>()) << "it is no link for an RDB file any more";
}

TEST_F(ExecutionTest, ClientKillClosesTheOwnConnectionOnlyOnRequest) {
  const struct {
    std::string filter, reply;
    bool closes;
  } cases[] = {
      {"id 1", ":0\r\n", false},
      {"addr 127.0.0.1:1", ":0\r\n", false},
      {"type normal", ":0\r\n", false},
      {"type pubsub skipme no", ":0\r\n", false},
      {"id 1 type replica skipme no", ":0\r\n", false},
      {"id 1 skipme no", ":1\r\n", true},
      {"addr 127.0.0.1:1 skipme no", ":1\r\n", true},
      {"type normal skipme no", ":1\r\n", true},
      {"127.0.0.1:1", "+OK\r\n", true},
      {"127.0.0.1:2", "-ERR No such client\r\n", false},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(Run("client kill " + each.filter), each.reply) << each.filter;
    EXPECT_EQ(Ended<outcome::Close>(), each.closes) << each.filter;
  }
}

TEST_F(ExecutionTest, HelloTellsTheRole) {
  EXPECT_NE(Run("hello").find("$4\r\nrole\r\n$6\r\nmaster\r\n"), std::string::npos);
  Run("replicaof 127.0.0.1 1");
  EXPECT_NE(Run("hello").find("$4\r\nrole\r\n$7\r\nreplica\r\n"), std::string::npos);
  Run("replicaof no one");
}

TEST_F(ExecutionTest, APausePostponesWritesOrAllCommands) {
  Run("client pause 1000 write");
  EXPECT_EQ(Run("get a"), "$-1\r\n");
  EXPECT_EQ(Run("set a 1"), "<postponed>");
  clock_.Advance(1000);
  EXPECT_EQ(Run("set a 1"), "+OK\r\n");
  Run("client pause 1000");
  EXPECT_EQ(Run("get a"), "<postponed>");
}

TEST_F(ExecutionTest, AboveMaxmemoryCommandsThatAddDataAreRefused) {
  Run("set a 1");
  Run("config set maxmemory 1");
  EXPECT_EQ(Run("set a 2"), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  EXPECT_EQ(Run("get a"), "$1\r\n1\r\n");
  EXPECT_EQ(Run("del a"), ":1\r\n");
}

TEST_F(ExecutionTest, MemoryOverItsLimitEvictsIfAllowed) {
  for (int i = 0; i < 1000; ++i) Run("set key:" + std::to_string(i) + " " + std::string(1000, 'x'));
  Run("config set maxmemory-policy allkeys-lru maxmemory 1");
  for (int i = 0; i < 100; ++i) Run("set a 2");  // each may spend half a millisecond on it
  storage::Txn txn(server_.store(), clock_.Now(), server_.thread(0).random);
  EXPECT_LT(SizeOf(txn, 0).keys, 1000u);
}

TEST_F(ExecutionTest, TheSlowLogNotesSlowCommandsShortened) {
  Run("config set slowlog-log-slower-than 0");
  RunOn(*session_, {"set", "key", std::string(500, 'x')});
  const std::string log = Run("slowlog get");
  EXPECT_NE(log.find("... (372 more bytes)"), std::string::npos);
}

struct CommandInMode {
  std::string request;
  size_t when_it_may_wait;  // indices of outcomes
  size_t when_it_may_not;
  std::optional<size_t> in_exec;  // none: MULTI refuses to queue it
};

template <typename Kind>
size_t IndexOf() {
  return Outcome(Kind{}).index();
}

// What a client of the Redis port, who can be answered later, may ask for; likewise others, as of HTTP; and EXEC.
TEST_F(ExecutionTest, TheOutcomeDependsOnTheCaller) {
  const size_t done = IndexOf<outcome::Done>();
  const CommandInMode commands[] = {
      {"set a 1", done, done, done},
      {"incr nosuch nosuch", done, done, {}},
      {"nosuch", done, done, {}},
      {"blpop list 0", IndexOf<outcome::KeyWait>(), done, done},
      {"xread block 0 streams stream $", IndexOf<outcome::KeyWait>(), done, done},
      {"wait 1 0", IndexOf<outcome::ReplicaWait>(), done, done},
      {"client kill id 1 skipme no", IndexOf<outcome::Close>(), IndexOf<outcome::Close>(), IndexOf<outcome::Close>()},
      {"quit", IndexOf<outcome::Close>(), IndexOf<outcome::Close>(), IndexOf<outcome::Close>()},
      {"post / http/1.1", IndexOf<outcome::Close>(), IndexOf<outcome::Close>(), IndexOf<outcome::Close>()},
      {"sync", IndexOf<outcome::Stream>(), IndexOf<outcome::Stream>(), {}},
      {"psync ? -1", IndexOf<outcome::HandOver>(), IndexOf<outcome::HandOver>(), {}},
  };
  Run("replconf capa eof capa ringkv1 rdb-only 1");
  ASSERT_EQ(session_->card->id, 1u);
  for (const CommandInMode& each : commands) {
    for (const bool may_wait : {true, false}) {
      may_wait_ = may_wait;
      Run(each.request);
      EXPECT_EQ(outcome_.index(), may_wait ? each.when_it_may_wait : each.when_it_may_not) << each.request;
      server_.waiting_clients().Remove(session_->card->id);
      if (Ended<outcome::Close>() && std::get<outcome::Close>(outcome_).at_once) continue;
      Run("multi");
      const bool is_refused = Run(each.request).starts_with("-ERR");
      EXPECT_EQ(is_refused, !each.in_exec) << each.request << " in MULTI";
      const std::string reply = Ended<outcome::Close>() ? "" : Run("exec");
      EXPECT_EQ(reply.starts_with("-EXECABORT"), is_refused) << each.request << ": " << reply;
      EXPECT_EQ(outcome_.index(), each.in_exec.value_or(done)) << each.request << " in EXEC";
      Run("discard");
    }
  }
}

TEST_F(ExecutionTest, APausedRequestIsPostponedAndOneThatSpeaksHttpEndsAtOnce) {
  Run("client pause 1000");
  Run("get a");
  EXPECT_TRUE(Ended<outcome::Postponed>());
  Run("post / http/1.1");
  ASSERT_TRUE(Ended<outcome::Close>());
  EXPECT_TRUE(std::get<outcome::Close>(outcome_).at_once);
}

TEST_F(ExecutionTest, ARefusedClientLearnsOfItsRightsBeforeTheStateOfTheServer) {
  server_.users().SetDefaultPassword("secret");
  Run("config set maxmemory 1");
  Run("client pause 100000");
  const auto stranger = MakeSession();
  EXPECT_EQ(RunLineOn(*stranger, "set a 1"), "-NOAUTH Authentication required.\r\n");
  EXPECT_TRUE(Ended<outcome::Done>());
}

TEST_F(ExecutionTest, TheSlowLogHasEachQueuedCommandAndNotExec) {
  Run("config set slowlog-log-slower-than 0");
  Run("multi");
  Run("set a 1");
  Run("get a");
  Run("exec");
  const std::string log = Run("slowlog get");
  const size_t get = log.find("*2\r\n$3\r\nget\r\n$1\r\na\r\n");
  const size_t set = log.find("*3\r\n$3\r\nset\r\n$1\r\na\r\n");
  ASSERT_NE(set, std::string::npos) << log;
  EXPECT_LT(get, set) << log;
  EXPECT_EQ(log.find("exec"), std::string::npos);
}

TEST_F(ExecutionTest, AnErrorOfExecItselfIsCountedAndThoseOfItsCommandsOnce) {
  Run("exec");
  Run("multi");
  Run("nosuch");
  Run("exec");
  Run("set text v");
  Run("multi");
  Run("incr text");
  Run("exec");
  const std::string errors = Run("info errorstats");
  EXPECT_NE(errors.find("errorstat_EXECABORT:count=1\r\n"), std::string::npos) << errors;
  EXPECT_NE(errors.find("errorstat_ERR:count=3\r\n"), std::string::npos) << "EXEC, NOSUCH, INCR: " << errors;
  const std::string calls = Run("info commandstats");
  const std::string exec = calls.substr(calls.find("cmdstat_exec:"));
  EXPECT_EQ(exec.substr(0, exec.find('\r')).substr(exec.find("rejected")), "rejected_calls=0,failed_calls=2");
}

TEST_F(ExecutionTest, InfoCountsCommandsAndErrors) {
  Run("set a 1");
  Run("incr b");
  Run("get");
  const std::string info = Run("info all");
  EXPECT_NE(info.find("cmdstat_set:calls=1"), std::string::npos);
  EXPECT_NE(info.find("rejected_calls=1"), std::string::npos);
  EXPECT_NE(info.find("errorstat_ERR:count=1"), std::string::npos);
  EXPECT_NE(info.find("db0:keys=2"), std::string::npos);
}

}  // namespace
}  // namespace ringkv::server
