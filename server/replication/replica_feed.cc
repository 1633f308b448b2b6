// SPDX-License-Identifier: MIT
#include "server/replication/replica_feed.h"

#include <utility>

#include "server/node_link/pump.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

ReplicaFeed::ReplicaFeed(const ReplicaFeedParts& parts, transport::Channel channel, std::string unread,
                         std::shared_ptr<ClientCard> card, FeedRequest request)
    : parts_(parts.server),
      history_(parts.history),
      backlog_(parts.backlog),
      owner_(parts.owner),
      socket_(std::move(channel)),
      card_(std::move(card)),
      request_(std::move(request)),
      unread_(std::move(unread)),
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
  cluster::LogSender sender(*this, request_, unread_);
  const storage::Error ended = Pump(sender, socket_, parts_.world.clock);
  backlog_.RemoveListener(this);
  if (!interrupted_) parts_.log.Warning("replica " + card_->address + " is gone: " + ReasonOf(ended));
  state_ = FeedState::kEnded;
  owner_.NoteFeedChange();
}

std::string ReplicaFeed::ReasonOf(const storage::Error& ended) const {
  if (!has_overflowed_) return ended.text;
  return "published messages that it has not read exceed client-output-buffer-limit (of replica)";
}

// --- what the log sender reads --------------------------------------------------------------------------------------

void ReplicaFeed::NoteSync(bool is_partial) {
  owner_.NoteSync(is_partial, request_.next > 1);  // 1: it has nothing that could be continued
  if (is_partial) {
    parts_.log.Notice("replica " + card_->address + " resumes at LSN " + std::to_string(request_.next) + ", " +
                      std::to_string(appended() + 1 - request_.next) + " groups behind");
  } else {
    parts_.log.Notice("replica " + card_->address + " gets a full sync");
  }
}

std::string ReplicaFeed::BeginSnapshot() {
  state_ = FeedState::kSendingSnapshot;
  snapshot_begun_ms_ = parts_.world.clock.SteadyMs();
  progress_.emplace(parts_.world.clock);
  snapshot_.emplace(parts_.data.store(), static_cast<int>(parts_.options.snapshot_compression_level));
  const storage::Lsn begun = appended();
  Seek(begun + 1);
  return snapshot_->Header(wall_time(), begun);
}

bool ReplicaFeed::NextBlock(std::string* section) {
  const bool has_more = snapshot_->NextBlock(section);
  const auto line =
      progress_->Next("replica " + card_->address + " gets the data", snapshot_->progress(), snapshot_->keys(), "keys");
  if (line) parts_.log.Notice(*line);
  return has_more;
}

std::string ReplicaFeed::EndSnapshot(storage::Lsn last) {
  const std::string end = snapshot_->End(last);
  snapshot_.reset();
  parts_.log.Notice("replica " + card_->address + " gets the end of the snapshot after " +
                    std::to_string(parts_.world.clock.SteadyMs() - snapshot_begun_ms_) + " ms");
  return end;
}

void ReplicaFeed::NoteOnline() {
  last_ack_ms_ = parts_.world.clock.SteadyMs();
  state_ = FeedState::kOnline;
  owner_.NoteFeedChange();
}

void ReplicaFeed::NoteAcknowledged(storage::Lsn last) {
  acknowledged_ = last;
  last_ack_ms_ = parts_.world.clock.SteadyMs();
  owner_.NoteAck();
}

std::shared_ptr<const std::string> ReplicaFeed::NextPublished(storage::Lsn next) {
  storage::MutexLock lock(published_mutex_);
  if (published_.empty() || published_.front().after >= next) return nullptr;
  std::shared_ptr<const std::string> body = std::move(published_.front().body);
  published_bytes_ -= body->size();
  published_.pop_front();
  CountPublished();
  return body;
}

// --- published messages ---------------------------------------------------------------------------------------------

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

}  // namespace ringkv::server
