// SPDX-License-Identifier: MIT
// EVALSHA without sockets: scripts on different keys, by one thread of a server and by two.
//
// The ratio is that of scripts per second of the threads' CPU, so that other work of the machine does not count.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/execution.h"
#include "server/http/response.h"
#include "server/http/route_table.h"
#include "server/options/option_table.h"
#include "server/session/session.h"
#include "storage/base/allocator.h"
#include "storage/base/clock.h"
#include "storage/disk/posix_file_system.h"
#include "tests/support/no_links.h"
#include "tests/support/seeded_chance.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace ringkv;

constexpr size_t kThreads = 2;
constexpr size_t kKeys = 50'000;  // of each thread
constexpr size_t kRounds = 5;

struct Load {
  const char* name;
  const char* script;
  size_t runs;  // of each thread
};

constexpr Load kLoads[] = {
    {"one call", "return redis.call('GET', KEYS[1])", 600'000},
    {"INCR with EXPIRE", "local n = redis.call('INCR', KEYS[1]) redis.call('EXPIRE', KEYS[1], 100) return n", 400'000},
    {"loop of 100 with strings",
     "local parts = {} for i = 1, 100 do parts[#parts + 1] = string.format('%d:%s', i, KEYS[1]) end "
     "redis.call('SET', KEYS[1], table.concat(parts, ',')) return #parts",
     20'000},
};

struct Options0 : server::Options {
  Options0() {
    SetDefaults(*this);
    io_threads = kThreads;
  }
};

// A server that no network reaches.
class LoneServer {
 public:
  LoneServer() { server_.Start(no_links_); }

  std::unique_ptr<server::Session> MakeSession() {
    auto card = std::make_shared<server::ClientCard>();
    server_.clients().Add(card);
    auto session = std::make_unique<server::Session>(card, server_.watched_keys());
    session->authenticated = true;
    return session;
  }

  // `thread`: the number of the one that calls. Returns the reply.
  std::string Run(size_t thread, server::Session& session, const std::vector<std::string_view>& argv) {
    server::ThreadState& state = server_.thread(thread);
    resp::Buffer& output = output_[thread].bytes;
    output.TruncateTo(0);
    resp::ReplyWriter reply(output, 2);
    state.txn.set_now(clock_.Now());
    server::Execute({.parts = server_.execution_parts(), .thread = state, .session = session, .reply = reply},
                    {.argv = argv});
    return std::string(output.Readable());
  }

 private:
  test::NoLinks no_links_;
  Options0 options_;
  const storage::SystemClock clock_;
  test::TempDir directory_;
  storage::PosixFileSystem files_{directory_.Path("")};
  test::SeededChance chance_{42};
  server::Server server_{options_,
                         {clock_, files_, chance_},
                         server::AllCommands(),
                         {server::http::RouteLabels(), server::http::kStatuses},
                         "",
                         42};
  struct alignas(64) Output {  // else the threads would share a cache line that they write
    resp::Buffer bytes;
  };
  Output output_[kThreads];
};

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string KeyOf(size_t thread, size_t number) {
  return "thread" + std::to_string(thread) + ":key:" + std::to_string(number);
}

// As many keys with one thread as with two, so that memory is equally far.
void Fill(LoneServer& lone) {
  const std::unique_ptr<server::Session> session = lone.MakeSession();
  for (size_t i = 0; i < kThreads * kKeys; ++i) lone.Run(0, *session, {"SET", KeyOf(i / kKeys, i % kKeys), "1"});
}

// Scripts per second of CPU of the calling thread.
double Work(LoneServer& lone, size_t thread, const Load& load) {
  storage::CountMemoryOfThisThread();
  const std::unique_ptr<server::Session> session = lone.MakeSession();
  const std::string loaded = lone.Run(thread, *session, {"SCRIPT", "LOAD", load.script});
  const std::string sha1 = loaded.substr(loaded.find('\n') + 1, 40);
  std::vector<std::string> keys;
  for (size_t i = 0; i < kKeys; ++i) keys.push_back(KeyOf(thread, i));
  const double began = ThreadCpuSeconds();
  for (size_t i = 0; i < load.runs; ++i) {
    lone.Run(thread, *session, {"EVALSHA", sha1, "1", keys[i % kKeys]});
  }
  return static_cast<double>(load.runs) / (ThreadCpuSeconds() - began);
}

// The sum of the threads.
double ScriptsPerSecond(const Load& load, size_t threads) {
  LoneServer lone;
  Fill(lone);
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] { rates[i] = Work(lone, i, load); });
  }
  for (std::thread& worker : workers) worker.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + kRounds / 2, values.end());
  return values[kRounds / 2];
}

}  // namespace

int main() {
  std::puts(
      "| EVALSHA in process | 1 thread, per CPU second | 2 threads, sum | ratio | wanted |\n|---|---|---|---|---|");
  for (const Load& load : kLoads) {
    std::vector<double> one;
    std::vector<double> two;
    for (size_t round = 0; round < kRounds; ++round) {
      one.push_back(ScriptsPerSecond(load, 1));
      two.push_back(ScriptsPerSecond(load, kThreads));
    }
    std::printf("| %s | %.0f | %.0f | **%.2fx** | 1.8 |\n", load.name, Median(one), Median(two),
                Median(two) / Median(one));
  }
  return 0;
}
