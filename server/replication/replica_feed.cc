// SPDX-License-Identifier: MIT
#include "server/replication/replica_feed.h"

#include <algorithm>

#include "cluster/node_messages.h"
#include "storage/base/allocator.h"
#include "storage/snapshot/pace.h"

namespace ringkv::server {
namespace {

using cluster::MessageKind;
using storage::Backlog;
using storage::Fail;
using storage::Status;

constexpr size_t kFramesAtOnce = 256 * 1024;
constexpr int64_t kHeartbeatMs = 1000;

}  // namespace

ReplicaFeed::ReplicaFeed(const ReplicaFeedParts& parts, transport::Channel channel, std::string unread,
                         std::shared_ptr<ClientCard> card, FeedRequest request)
    : parts_(parts.server),
      history_(parts.history),
      backlog_(parts.backlog),
      owner_(parts.owner),
      socket_(std::move(channel)),
      card_(std::move(card)),
      request_(std::move(request)),
      received_(std::move(unread)),
      published_memory_(parts.server.data.store().buffers()) {}

ReplicaFeed::~ReplicaFeed() {
  Interrupt();
  if (thread_.joinable()) thread_.join();
  parts_.clients.Remove(card_->id);
}

void ReplicaFeed::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ReplicaFeed::Interrupt() {
  interrupted_ = true;
  socket_.Interrupt();
}

void ReplicaFeed::Run() {
  NameThisThread("feed");
  storage::CountMemoryOfThisThread();
  backlog_.AddListener(this);
  const Status ended = Serve();
  backlog_.RemoveListener(this);
  if (!interrupted_) parts_.log.Warning("replica " + card_->address + " is gone: " + ReasonOf(ended));
  state_ = FeedState::kEnded;
  owner_.NoteFeedChange();
}

std::string ReplicaFeed::ReasonOf(const Status& ended) const {
  if (!has_overflowed_) return ended.error().text;
  return "published messages that it has not read exceed client-output-buffer-limit (of replica)";
}

Status ReplicaFeed::Serve() {
  const storage::Lsn now = parts_.data.store().log().appended();
  bool goes_on = request_.next > 0 && std::any_of(request_.histories.begin(), request_.histories.end(),
                                                  [&](auto& id) { return history_.Holds(id, request_.next - 1); });
  storage::FrameList first;
  if (goes_on) {
    tail_ = owner_.TailFrom(request_.next);
    goes_on = tail_->Read(kFramesAtOnce, &first) != Backlog::ReadResult::kGone;
  }
  owner_.NoteSync(goes_on, request_.next > 1);  // 1: it has nothing that could be continued
  const std::string verdict = "+RINGKV " + std::string(goes_on ? "CONTINUE " : "SNAPSHOT ") + history_.id() + " " +
                              std::to_string(history_.epoch()) + "\r\n";
  if (Status sent = Send(verdict); !sent) return sent;
  if (goes_on) {
    parts_.log.Notice("replica " + card_->address + " resumes at LSN " + std::to_string(request_.next) + ", " +
                      std::to_string(now + 1 - request_.next) + " groups behind");
    if (Status sent = SendList(first); !sent) return sent;
  } else if (Status sent = SendSnapshot(); !sent) {
    return sent;
  }
  last_ack_ms_ = parts_.world.clock.SteadyMs();
  state_ = FeedState::kOnline;
  owner_.NoteFeedChange();
  return Follow();
}

Status ReplicaFeed::SendSnapshot() {
  state_ = FeedState::kSendingSnapshot;
  parts_.log.Notice("replica " + card_->address + " gets a full sync");
  const int64_t start = parts_.world.clock.SteadyMs();
  storage::SnapshotStream snapshot(parts_.data.store(), static_cast<int>(parts_.options.snapshot_compression_level));
  const storage::Lsn begun = parts_.data.store().log().appended();
  tail_ = owner_.TailFrom(begun + 1);
  const auto send = [&](MessageKind kind, std::string_view body) {
    return Send(cluster::EncodeMessage(kind, history_.epoch(), body));
  };
  if (Status sent = send(MessageKind::kSnapshot, snapshot.Header(parts_.world.clock.Now(), begun)); !sent) return sent;
  storage::Pace pace;
  std::string section;
  for (;;) {
    if (Status sent = SendFrames(); !sent) return sent;
    if (!snapshot.NextBlock(&section)) break;
    if (Status sent = send(MessageKind::kSection, section); !sent) return sent;
    pace.Rest();
  }
  const storage::Lsn copied = parts_.data.store().log().appended();
  while (tail_->next() <= copied) {
    parts_.data.store().log().Wake();
    if (Status taken = TakeAcks(10); !taken) return taken;
    if (Status sent = SendFrames(); !sent) return sent;
  }
  if (Status sent = send(MessageKind::kSection, snapshot.End(tail_->next() - 1)); !sent) return sent;
  parts_.log.Notice("replica " + card_->address + " has been sent the snapshot in " +
                    std::to_string(parts_.world.clock.SteadyMs() - start) + " ms");
  return {};
}

Status ReplicaFeed::Follow() {
  for (;;) {
    if (Status sent = SendFrames(); !sent) return sent;
    if (Status sent = SendPublished(); !sent) return sent;
    if (Status sent = Heartbeat(); !sent) return sent;
    const int64_t since = parts_.world.clock.SteadyMs() - last_heartbeat_ms_;
    if (Status taken = TakeAcks(std::max<int64_t>(kHeartbeatMs - since, 1)); !taken) return taken;
    const int64_t silent_ms = parts_.world.clock.SteadyMs() - last_ack_ms_;
    if (silent_ms > parts_.options.repl_timeout * 1000) {
      return Fail("it has acknowledged nothing for " + std::to_string(silent_ms / 1000) + " s (repl-timeout)");
    }
  }
}

Status ReplicaFeed::SendFrames() {
  storage::FrameList frames;
  for (;;) {
    const Backlog::ReadResult found = tail_->Read(kFramesAtOnce, &frames);
    if (found == Backlog::ReadResult::kNothingYet) return {};
    if (found == Backlog::ReadResult::kGone) {
      return Fail("it is too far behind: LSN " + std::to_string(tail_->next()) +
                  " is neither in the backlog nor in the log (repl-backlog-size)");
    }
    if (Status sent = SendList(frames); !sent) return sent;
    if (Status taken = TakeAcks(0); !taken) return taken;
  }
}

void ReplicaFeed::Publish(storage::Lsn after, std::shared_ptr<const std::string> body) {
  bool was_empty = false;
  {
    storage::MutexLock lock(published_mutex_);
    if (has_overflowed_) return;
    was_empty = published_.empty();
    published_bytes_ += body->size();
    published_.push_back({after, std::move(body)});
    DropOverLimit();
    CountPublished();
  }
  if (has_overflowed_) return socket_.Interrupt();
  if (was_empty) socket_.Wake();
}

void ReplicaFeed::Tick() {
  {
    storage::MutexLock lock(published_mutex_);
    if (has_overflowed_) return;
    DropOverLimit();
  }
  if (has_overflowed_) socket_.Interrupt();
}

void ReplicaFeed::DropOverLimit() {
  const OutputLimit& limit = parts_.options.output_limits[static_cast<size_t>(ClientClass::kReplica)];
  if (!published_watch_.Exceeds(limit, published_bytes_, parts_.world.clock.SteadyMs())) return;
  has_overflowed_ = true;
  published_.clear();
  published_bytes_ = 0;
  CountPublished();
}

void ReplicaFeed::CountPublished() { published_memory_.Set(published_bytes_ + published_.size() * sizeof(Published)); }

Status ReplicaFeed::SendPublished() {
  std::string together;
  {
    storage::MutexLock lock(published_mutex_);
    while (!published_.empty() && published_.front().after < tail_->next()) {
      const std::string& body = *published_.front().body;
      together += cluster::EncodeMessage(MessageKind::kPublished, history_.epoch(), body);
      published_bytes_ -= body.size();
      published_.pop_front();
    }
    CountPublished();
  }
  return together.empty() ? Status() : Send(together);
}

Status ReplicaFeed::SendList(const storage::FrameList& frames) {
  std::string together;
  for (const auto& frame : frames) {
    together += cluster::EncodeMessageHead(MessageKind::kFrame, history_.epoch(), *frame);
    if (frame->size() <= kFramesAtOnce) {
      together += *frame;
      continue;
    }
    // A large one is not copied.
    if (Status sent = Send(together); !sent) return sent;
    if (Status sent = Send(*frame); !sent) return sent;
    together.clear();
  }
  return Send(together);
}

Status ReplicaFeed::Send(std::string_view bytes) {
  owner_.NoteBytesOut(bytes.size());
  return socket_.Send(bytes, parts_.options.repl_timeout * 1000);
}

Status ReplicaFeed::Heartbeat() {
  const int64_t now = parts_.world.clock.SteadyMs();
  if (now - last_heartbeat_ms_ < kHeartbeatMs) return {};
  last_heartbeat_ms_ = now;
  const std::string body =
      cluster::EncodeHeartbeat({.last = parts_.data.store().log().appended(), .time = parts_.world.clock.Now()});
  return Send(cluster::EncodeMessage(MessageKind::kHeartbeat, history_.epoch(), body));
}

Status ReplicaFeed::TakeAcks(int64_t wait_ms) {
  char room[4096];
  const storage::Result<size_t> got = socket_.Receive(room, sizeof room, wait_ms);
  if (!got) return tl::unexpected(got.error());
  received_.append(room, *got);
  cluster::NodeMessage message;
  size_t size = 0;
  bool has_acked = false;
  for (;;) {
    const cluster::Decoded decoded = cluster::DecodeMessage(received_, &message, &size);
    if (decoded == cluster::Decoded::kBad || size > sizeof room)
      return Fail("it sent a message that is not an acknowledgement");
    if (decoded == cluster::Decoded::kNeedMore) break;
    storage::Lsn last = 0;
    if (message.kind != MessageKind::kAck || !cluster::DecodeAck(message.body, &last)) {
      return Fail("it sent a message that is not an acknowledgement");
    }
    if (message.epoch < history_.epoch()) return Fail("its acknowledgement is of an older epoch");
    if (last > parts_.data.store().log().appended()) {
      return Fail("it acknowledged LSN " + std::to_string(last) + ", which does not exist yet");
    }
    acknowledged_ = last;
    has_acked = true;
    received_.erase(0, size);
  }
  if (has_acked) {
    last_ack_ms_ = parts_.world.clock.SteadyMs();
    owner_.NoteAck();
  }
  return {};
}

}  // namespace ringkv::server
