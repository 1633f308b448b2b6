// SPDX-License-Identifier: MIT
// The feed of a Redis replica without sockets, and a server that is fed by it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "resp/request_parser.h"
#include "server/loading/load_rdb.h"
#include "server/redis_feed/redis_feeds.h"
#include "storage/log/backlog.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {

using storage::Lsn;
using test::Model;

inline const std::string kHistory(40, 'a');
inline const std::string kEndMark(40, 'e');

// A server that is fed as a redis-server would be: it loads the file and executes the commands.
class RedisFeedTest : public SessionFixture {
 protected:
  RedisFeedTest() {
    primary_.log().Attach(&backlog_);
    limits_.hard_bytes = 256 << 20;
  }
  ~RedisFeedTest() override { [[maybe_unused]] const auto last = primary_.log().Detach(&backlog_); }

  std::unique_ptr<storage::LogTail> TailBehind(Lsn last) {
    return std::make_unique<storage::LogTail>(backlog_, disk_, "", last + 1);
  }

  void BeginStream(int64_t offset = 1000) {
    const Lsn begun = primary_.store().log().appended();
    stream_ = std::make_shared<RedisStream>(kHistory, begun, offset, TailBehind(begun), primary_.store().buffers());
  }

  // A new link, which continues if the receiver has a history. False for a full sync.
  bool Connect(bool takes_end_mark = true) {
    link_.reset();
    input_.clear();
    phase_ = Phase::kVerdict;
    RedisSyncRequest request{.acknowledges = true,
                             .history = history_,
                             .next = history_ == "?" ? -1 : offset_ + 1,
                             .takes_end_mark = takes_end_mark,
                             .takes_new_history = true};
    link_ = std::make_unique<RedisReplica>(stream_, request);
    if (link_->Continue(now_ms_)) return true;
    link_->BeginFullSync(
        {.store = primary_.store(), .files = disk_, .spool_path = "spool", .end_mark = kEndMark},
        [this](Lsn last) { return TailBehind(last); }, clock_.Now(), now_ms_);
    return false;
  }

  // One step of the feed; at most so many bytes reach the receiver.
  storage::Status Step(size_t most = SIZE_MAX) {
    primary_.log().Step();
    const storage::Result<RedisReplica::Next> stepped = link_->Step(
        now_ms_, {.output = limits_, .backlog_bytes = kBacklog, .timeout_ms = 60'000, .ping_every_ms = 10'000});
    if (!stepped) return tl::unexpected(stepped.error());
    const std::string_view some = link_->Output().substr(0, most);
    input_ += some;
    link_->Sent(some.size(), now_ms_);
    Receive();
    return {};
  }

  bool IsLevel() {
    primary_.log().Step();
    return phase_ == Phase::kCommands && link_->state() == RedisReplica::State::kOnline &&
           offset_ == stream_->numbers().last && stream_->LsnAt(offset_) == primary_.store().log().appended();
  }
  void CatchUp() {
    for (int i = 0; i < 100'000 && !IsLevel(); ++i) ASSERT_TRUE(Step()) << i;
    ASSERT_TRUE(IsLevel());
    Acknowledge();
  }

  void Acknowledge() { Tell({"REPLCONF", "ACK", std::to_string(offset_)}); }
  void Tell(const std::vector<std::string>& words) {
    std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    ASSERT_TRUE(link_->Take(bytes, now_ms_));
  }

  // Without the times at which consumers were seen, which Redis doesn't replicate.
  Model Contents() {
    Model contents;
    storage::Txn& txn = server_.thread(0).txn;
    for (storage::DbIndex db = 0; db < 4; ++db) {
      uint64_t cursor = 0;
      do {
        cursor = Walk(txn, db, cursor, 100, [&](const storage::Entry& entry) {
          contents[{db, std::string(entry.key())}] = {test::ShownValue(entry), entry.expiry()};
        });
      } while (cursor != 0);
    }
    return contents;
  }

  void ExpectEqual() {
    const Model got = Contents();
    const Model wanted = primary_.Contents();
    for (const auto& [key, value] : wanted) {
      const auto found = got.find(key);
      ASSERT_NE(found, got.end()) << key.second << " in " << key.first;
      ASSERT_EQ(found->second, value) << key.second << " in " << key.first;
    }
    ASSERT_EQ(got.size(), wanted.size());
  }

  // One change of a random kind to one of few keys, so that they meet.
  void ChangeSomething(storage::Random& random) {
    const std::string key = "key:" + std::to_string(random.Below(300));
    const std::string other = "key:" + std::to_string(random.Below(300));
    const auto db = static_cast<storage::DbIndex>(random.Below(4));
    switch (random.Below(40)) {
      case 0: return primary_.Flush(db);
      case 1: return primary_.Swap(db, 1);
      case 2: return primary_.Rename(key, other);
      case 3: return primary_.PutBoth(key, other, "both");
      case 4:
      case 5: return primary_.Patch(key, random.Below(50), "patch");
      case 6:
      case 7: return primary_.Expire(key, 1'900'000'000'000);
      case 8: return primary_.Delete(key);
      case 9: return primary_.Put(key, std::string(100'000, 'x'), 2);
      default: break;
    }
    switch (random.Below(4)) {
      case 0: return ChangeCollectionAt("key:" + std::to_string(random.Below(20)), random);
      case 1: return ChangeStreamAt("stream:" + std::to_string(random.Below(5)), random);
      default: return primary_.Put(key, std::to_string(random.Next()), db);
    }
  }

  void ChangeCollectionAt(const std::string& key, storage::Random& random) {
    storage::Txn& txn = primary_.txn();
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    if (place && place.entry().type() == storage::ValueType::kString)
      txn.Do(place, storage::Erase{}, storage::events::kNone);
    if (place) {
      test::ChangeCollection(txn, place, random);
    } else if (random.Below(2) == 0) {
      txn.Do(place, storage::ListPush{"first", false}, storage::events::kNone);
    } else {
      txn.Do(place, storage::SortedSetPut{"first", 1.5}, storage::events::kNone);
    }
    txn.Unlock();
  }

  // As commands do: what is pending exists, and a group is made once.
  void ChangeStreamAt(const std::string& key, storage::Random& random) {
    storage::Txn& txn = primary_.txn();
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    const uint64_t last = place ? StreamIn(place.entry()).last_id().ms : 0;
    const storage::StreamId id{last - random.Below(last / 2 + 1), 0};
    const std::string group = "group" + std::to_string(random.Below(2));
    const bool has_group = place && StreamIn(place.entry()).FindGroup(group) != nullptr;
    const bool has_entry = place && StreamIn(place.entry()).Contains(id);
    const uint64_t what = place ? random.Below(10) : 9;
    const auto& none = storage::events::kNone;
    if (what > 5) {
      txn.Do(place, storage::StreamAppend{{last + 1, 0}, std::string_view("\1f\1v", 4)}, none);
    } else if (!has_group) {
      txn.Do(place, storage::StreamGroupPut{group, id, -1}, none);
    } else if (what == 0) {
      txn.Do(place, storage::StreamErase{id}, none);
    } else if (what == 1) {
      txn.Do(place, storage::StreamTrim{id}, none);
    } else if (what == 2) {
      txn.Do(place, storage::StreamGroupMove{group, id, static_cast<int64_t>(random.Below(5))}, none);
    } else if (what == 3) {
      txn.Do(place, storage::StreamAcknowledge{group, id}, none);
    } else if (what == 4 && random.Below(5) == 0) {
      txn.Do(place, storage::StreamGroupErase{group}, none);
    } else if (has_entry) {
      txn.Do(place, storage::StreamPend{group, "consumer", id, 1'700'000'000'000, 1 + random.Below(9)}, none);
    }
    txn.Unlock();
  }

  static constexpr int64_t kBacklog = 1 << 20;

  test::FaultyFileSystem disk_;
  test::DurableStore primary_{disk_};
  storage::Backlog backlog_{primary_.store().buffers()};
  std::shared_ptr<RedisStream> stream_;
  std::unique_ptr<RedisReplica> link_;
  OutputLimit limits_;
  int64_t now_ms_ = 1'000'000;

  // The receiver.
  enum class Phase { kVerdict, kHead, kMarkedFile, kFile, kCommands };
  Phase phase_ = Phase::kVerdict;
  std::string input_;
  std::string history_ = "?";
  int64_t offset_ = -1;
  size_t file_bytes_ = 0;
  std::vector<std::string> said_;  // commands that are no changes
  resp::RequestParser parser_;

 private:
  void Receive() {
    while (phase_ == Phase::kVerdict || phase_ == Phase::kHead) {
      while (input_.starts_with("\n")) input_.erase(0, 1);
      const size_t end = input_.find("\r\n");
      if (end == std::string::npos) return;
      TakeLine(input_.substr(0, end));
      input_.erase(0, end + 2);
    }
    if (phase_ == Phase::kMarkedFile && input_.ends_with(kEndMark)) {
      Load(input_.substr(0, input_.size() - kEndMark.size()));
      input_.clear();
      Acknowledge();
    } else if (phase_ == Phase::kFile && input_.size() >= file_bytes_) {
      Load(input_.substr(0, file_bytes_));
      input_.erase(0, file_bytes_);
    }
    if (phase_ == Phase::kCommands) TakeCommands();
  }

  void TakeLine(const std::string& line) {
    if (line.starts_with("+FULLRESYNC ")) {
      pending_offset_ = std::stoll(line.substr(line.rfind(' ') + 1));
      EXPECT_EQ(line.substr(12, 40), kHistory);
      phase_ = Phase::kHead;
    } else if (line == "+CONTINUE " + kHistory) {
      phase_ = Phase::kCommands;
    } else if (line == "$EOF:" + kEndMark) {
      phase_ = Phase::kMarkedFile;
    } else {
      ASSERT_TRUE(line.starts_with("$")) << line;
      file_bytes_ = std::stoull(line.substr(1));
      phase_ = Phase::kFile;
    }
  }

  void Load(const std::string& file) {
    phase_ = Phase::kCommands;
    Run("flushall");
    Run("select 0");
    session_->queue.Close();
    {
      auto opened = files_.Open("received.rdb", storage::OpenMode::kReplace);
      ASSERT_TRUE(opened && (*opened)->Append(file));
    }
    const auto loaded = LoadRdb(files_, "received.rdb", {}, server_.thread(0).txn);
    ASSERT_TRUE(loaded) << loaded.error().text;
    history_ = kHistory;
    offset_ = pending_offset_;
  }

  void TakeCommands() {
    size_t used = 0;
    for (;;) {
      const resp::ParseStatus status = parser_.Parse(std::string_view(input_).substr(used), {}, true);
      if (status == resp::ParseStatus::kNeedMore) break;
      ASSERT_EQ(status, resp::ParseStatus::kRequest) << parser_.error();
      Obey({parser_.arguments().begin(), parser_.arguments().end()});
      used += parser_.consumed();
      offset_ += static_cast<int64_t>(parser_.consumed());
    }
    parser_.Restart();
    input_.erase(0, used);
  }

  void Obey(const std::vector<std::string>& argv) {
    if (argv[0] == "PING" || argv[0] == "REPLCONF" || argv[0] == "PUBLISH") {
      said_.push_back(argv[0]);
      return;
    }
    const std::string reply = RunOn(*session_, argv);
    EXPECT_FALSE(reply.starts_with("-") || reply.find("\r\n-") != std::string::npos)
        << argv[0] << ' ' << (argv.size() > 1 ? argv[1] : "") << ' ' << reply;
  }

  int64_t pending_offset_ = -1;
};

}  // namespace ringkv::server
