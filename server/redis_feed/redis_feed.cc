// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_feed.h"

#include "storage/base/allocator.h"
#include "storage/snapshot/pace.h"

namespace ringkv::server {
namespace {

using storage::Status;

constexpr size_t kReceiveAtOnce = 4096;
constexpr int64_t kLongestWaitMs = 1000;
constexpr int64_t kWaitForLogMs = 10;

}  // namespace

RedisFeed::RedisFeed(const RedisFeedParts& parts, std::shared_ptr<RedisStream> stream, transport::Channel channel,
                     std::string unread, std::shared_ptr<ClientCard> card, RedisSyncRequest request)
    : parts_(parts),
      stream_(std::move(stream)),
      socket_(std::move(channel)),
      unread_(std::move(unread)),
      card_(std::move(card)),
      request_(std::move(request)) {}

RedisFeed::~RedisFeed() {
  Interrupt();
  if (thread_.joinable()) thread_.join();
  parts_.clients.Remove(card_->id);
}

void RedisFeed::Start() {
  thread_ = std::thread([this] { Run(); });
}

void RedisFeed::Interrupt() {
  interrupted_ = true;
  socket_.Interrupt();
}

void RedisFeed::Run() {
  NameThisThread("redis-feed");
  storage::CountMemoryOfThisThread();
  parts_.backlog.AddListener(this);
  const Status ended = Serve();
  parts_.backlog.RemoveListener(this);
  if (!interrupted_) parts_.log.Warning("Redis replica " + card_->address + " is gone: " + ended.error().text);
  has_ended_ = true;
  parts_.owner.NoteFeedChange();
}

RedisReplica::Settings RedisFeed::settings() const {
  return {.output = parts_.options.output_limits[static_cast<size_t>(ClientClass::kReplica)],
          .backlog_bytes = parts_.options.repl_backlog_size,
          .timeout_ms = parts_.options.repl_timeout * 1000,
          .ping_every_ms = parts_.options.repl_ping_replica_period * 1000};
}

Status RedisFeed::Serve() {
  RedisReplica replica(stream_, request_);
  Begin(replica);
  if (Status taken = replica.Take(unread_, now_ms()); !taken) return taken;
  storage::Pace pace;
  for (;;) {
    const storage::Result<RedisReplica::Next> next = replica.Step(now_ms(), settings());
    if (!next) return tl::unexpected(next.error());
    Show(replica);
    if (*next == RedisReplica::Next::kCopied) pace.Rest();
    if (replica.awaited() != 0) parts_.store.log().Wake();
    const bool had_output = !replica.Output().empty();
    if (Status sent = Send(replica); !sent) return sent;
    const bool goes_on = *next != RedisReplica::Next::kWait || (had_output && replica.Output().empty());
    const int64_t wait_ms = goes_on ? 0 : replica.awaited() != 0 ? kWaitForLogMs : kLongestWaitMs;
    if (Status received = Receive(replica, wait_ms); !received) return received;
  }
}

void RedisFeed::Begin(RedisReplica& replica) {
  const bool continues = replica.Continue(now_ms());
  if (continues) {
    parts_.log.Notice("Redis replica " + card_->address + " resumes at offset " + std::to_string(request_.next));
  } else {
    parts_.log.Notice("Redis replica " + card_->address + " gets a full sync");
    const RedisFullSync::World world{
        .store = parts_.store,
        .files = parts_.world.files,
        .spool_path = "replica-" + parts_.world.chance.UniqueDigits() + ".rdb.tmp",
        .end_mark = parts_.world.chance.UniqueDigits(),
    };
    const auto tail_behind = [this](storage::Lsn last) { return parts_.owner.TailFrom(last + 1); };
    replica.BeginFullSync(world, tail_behind, parts_.world.clock.Now(), now_ms());
  }
  parts_.owner.NoteSync(continues, request_.next > 0);
}

Status RedisFeed::Send(RedisReplica& replica) {
  while (!replica.Output().empty()) {
    const storage::Result<size_t> sent = socket_.SendSome(replica.Output());
    if (!sent) return tl::unexpected(sent.error());
    if (*sent == 0) return {};
    replica.Sent(*sent, now_ms());
    parts_.owner.NoteBytesOut(*sent);
  }
  return {};
}

Status RedisFeed::Receive(RedisReplica& replica, int64_t wait_ms) {
  char room[kReceiveAtOnce];
  const bool waits_to_send = !replica.Output().empty();
  const storage::Result<size_t> got = socket_.Receive(room, sizeof room, wait_ms, waits_to_send);
  if (!got) return tl::unexpected(got.error());
  return *got == 0 ? Status() : replica.Take({room, *got}, now_ms());
}

void RedisFeed::Show(const RedisReplica& replica) {
  const bool is_new = state_.exchange(replica.state()) != replica.state();
  const bool has_more = acknowledged_lsn_.exchange(replica.acknowledged_lsn()) != replica.acknowledged_lsn();
  acknowledged_ = replica.acknowledged();
  last_ack_ms_ = replica.last_ack_ms();
  card_->output_bytes = replica.waiting_bytes();
  if (is_new) {
    parts_.owner.NoteFeedChange();
  } else if (has_more) {
    parts_.owner.NoteAck();
  }
}

}  // namespace ringkv::server
