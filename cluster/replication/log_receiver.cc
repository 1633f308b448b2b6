// SPDX-License-Identifier: MIT
#include "cluster/replication/log_receiver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "cluster/link/link_words.h"

namespace ringkv::cluster {

using storage::Fail;
using storage::Lsn;
using storage::Result;
using storage::Status;

LogReceiver::LogReceiver(Target& target, ReplicaIntroduction introduction)
    : target_(target), introduction_(std::move(introduction)), handshake_(out_, introduction_.authentication) {}

// --- the handshake --------------------------------------------------------------------------------------------------

Status LogReceiver::Open(int64_t now) {
  handshake_.Open(Introduction(), now);
  return {};
}

std::vector<std::string> LogReceiver::Introduction() const {
  std::vector<std::string> about{"REPLCONF", "listening-port", std::to_string(introduction_.port)};
  if (!introduction_.host.empty()) about.insert(about.end(), {"ip-address", introduction_.host});
  about.insert(about.end(), {"capa", std::string(kLinkCapability), "capa", std::string(kPublishCapability),
                             std::string(kLinkOption), std::string(kLinkVersion)});
  if (!introduction_.primary.empty()) about.insert(about.end(), {std::string(kNodeOption), introduction_.primary});
  return about;
}

void LogReceiver::AskToSync(int64_t now) {
  const History history = target_.history();
  resumes_after_ = target_.appended();
  std::vector<std::string> request{"PSYNC", history.id(), std::to_string(resumes_after_ + 1), introduction_.member};
  if (introduction_.takeover == Takeover::kNone) {
    // A primary that was started again and is a replica now: others know only the history before that.
    const std::vector<std::string> equal = history.EqualAt(resumes_after_);
    if (!equal.empty()) request.emplace_back("ALSO");
    request.insert(request.end(), equal.begin(), equal.end());
  } else {
    request.emplace_back("FAILOVER");
    if (introduction_.takeover == Takeover::kAnyway) request.emplace_back("FORCE");
  }
  progress_.state = State::kAsking;
  handshake_.Ask(request, now);
}

Status LogReceiver::TakeReply(const std::string& line, int64_t now) {
  if (state() == State::kAsking) return TakeVerdict(line);
  if (line.find("ERR Unrecognized REPLCONF option") != std::string::npos) {
    return Fail("it is a Redis server: to move in from Redis use migrate-from");
  }
  if (Status accepted = handshake_.CheckNoError(line); !accepted) return accepted;
  AskToSync(now);
  return {};
}

Status LogReceiver::TakeVerdict(const std::string& line) {
  if (introduction_.takeover != Takeover::kNone && !line.starts_with("+RINGKV ")) {
    target_.RejectTakeover(line);
    return Fail("FAILOVER was answered: " + line);
  }
  if (Status accepted = handshake_.CheckNoError(line); !accepted) return accepted;
  char word[16] = {};
  char history[48] = {};
  char epoch_text[20] = {};
  char parted_text[20] = {};  // not of older versions, nor if nothing is dropped
  const int found =
      std::sscanf(line.c_str(), "+RINGKV %15s %47s %19[0-9] %19[0-9]", word, history, epoch_text, parted_text);
  const bool resumes = std::string_view(word) == "CONTINUE";
  if (found < 3 || (!resumes && std::string_view(word) != "SNAPSHOT")) {
    return Fail("it answers PSYNC as a Redis server does ('" + line.substr(0, 40) +
                "'); to move in from Redis use migrate-from");
  }
  const uint64_t epoch = std::strtoull(epoch_text, nullptr, 10);
  if (const uint64_t lowest = target_.lowest_epoch(); epoch < lowest) {
    return Fail("it is at epoch " + std::to_string(epoch) + " of the cluster, and this node at " +
                std::to_string(lowest));
  }
  epoch_floor_ = epoch;
  target_.EndTakeover();
  if (!resumes) {
    if (found == 4) target_.WillDrop(std::strtoull(parted_text, nullptr, 10));
    new_history_ = history;
    progress_.state = State::kLoading;
    return {};
  }
  const Result<Applied> resumed = target_.Resume(history, epoch, resumes_after_);
  if (!resumed) return tl::unexpected(resumed.error());
  progress_.state = State::kStreaming;
  progress_.last = resumes_after_;
  applied_ = *resumed;
  return {};
}

// --- messages -------------------------------------------------------------------------------------------------------

Result<Link::Next> LogReceiver::Work(int64_t now) {
  const int64_t timeout = target_.timeout_ms();
  if (Status timely = handshake_.CheckTime(timeout, now); !timely) return tl::unexpected(timely.error());
  if (handshake_.is_asking() || !silence_.HasLasted(timeout, now)) return Next::kWait;
  return Fail("it has been silent for " + std::to_string(timeout / 1000) + " s (repl-timeout)");
}

Status LogReceiver::Received(size_t count, int64_t now) {
  input_.Commit(count);
  silence_.Begin(now);
  progress_.received = count;
  Status taken = handshake_.TakeReplies(input_, now, [&](const std::string& line) { return TakeReply(line, now); });
  if (taken && !handshake_.is_asking()) {
    taken = input_.TakeMessages([this](const NodeMessage& message) { return Take(message); });
  }
  if (!taken) return taken;
  target_.NoteProgress(progress_);
  AcknowledgeIfOwed();
  return {};
}

Status LogReceiver::Take(const NodeMessage& message) {
  if (message.epoch < epoch_floor_) {
    return Fail("a message of epoch " + std::to_string(message.epoch) + " came, and epoch " +
                std::to_string(epoch_floor_) + " is current: it is no longer the primary");
  }
  epoch_floor_ = message.epoch;
  if (state() == State::kLoading) return TakeSnapshotPart(message);
  switch (message.kind) {
    case MessageKind::kFrame: return TakeFrame(message.body);
    case MessageKind::kHeartbeat: return TakeHeartbeat(message.body);
    case MessageKind::kPublished: return TakePublished(message.body);
    default: return Fail("it sent an unexpected message");
  }
}

Status LogReceiver::TakeFrame(std::string_view bytes) {
  const Result<Applied> applied = target_.TakeFrame(bytes);
  if (!applied) {
    // The data here may differ from the primary's at this LSN.
    target_.Forget();
    return tl::unexpected(applied.error());
  }
  if (target_.appended() != applied->last) {
    target_.Forget();
    return Fail("this server has a change of its own at LSN " + std::to_string(applied->last) +
                "; it needs a snapshot");
  }
  NoteApplied(*applied);
  return {};
}

void LogReceiver::NoteApplied(const Applied& applied) {
  applied_ = applied;
  progress_.last = applied.last;
  progress_.primary_last = std::max(progress_.primary_last, applied.last);
  progress_.behind_since = progress_.primary_last > applied.last ? applied.time : 0;
  progress_.has_caught_up = progress_.has_caught_up || (catches_up_at_ && applied.last >= *catches_up_at_);
  owes_ack_ = true;
}

Status LogReceiver::TakeHeartbeat(std::string_view body) {
  Heartbeat heartbeat;
  if (!DecodeHeartbeat(body, &heartbeat)) return Fail("it sent an invalid heartbeat");
  progress_.primary_last = heartbeat.last;
  if (!catches_up_at_) catches_up_at_ = heartbeat.last;
  progress_.has_caught_up = progress_.has_caught_up || progress_.last >= *catches_up_at_;
  progress_.behind_since = heartbeat.last > progress_.last ? std::max<int64_t>(applied_.time, 1) : 0;
  owes_ack_ = true;
  return {};
}

Status LogReceiver::TakePublished(std::string_view body) {
  PublishedMessage published;
  if (!DecodePublished(body, &published)) return Fail("it sent an invalid published message");
  return target_.Publish(published);
}

Status LogReceiver::TakeSnapshotPart(const NodeMessage& message) {
  progress_.snapshot_bytes += message.body.size();
  if (message.kind == MessageKind::kHeartbeat) return {};
  if ((message.kind == MessageKind::kSnapshot) == has_begun_) return Fail("it sent an unexpected message");
  switch (message.kind) {
    case MessageKind::kSnapshot: has_begun_ = true; return target_.BeginSnapshot(message.body);
    case MessageKind::kSection: return TakeSection(message.body);
    case MessageKind::kFrame: {
      const Result<Applied> applied = target_.TakeFrame(message.body);
      return applied ? Status() : tl::unexpected(applied.error());
    }
    default: return Fail("it sent an unexpected message");
  }
}

Status LogReceiver::TakeSection(std::string_view bytes) {
  const Result<Applied> applied = target_.TakeSection(bytes);
  if (!applied) return tl::unexpected(applied.error());
  if (!applied->is_whole) return {};
  if (Status ended = target_.EndSnapshot(new_history_, epoch_floor_, applied->last); !ended) return ended;
  progress_.state = State::kStreaming;
  NoteApplied(*applied);
  return {};
}

// --- acknowledgements -----------------------------------------------------------------------------------------------

void LogReceiver::AcknowledgeIfOwed() {
  if (!owes_ack_ || !out_.empty()) return;
  owes_ack_ = false;
  out_.Append(EncodeMessage(MessageKind::kAck, epoch_floor_, EncodeAck(target_.Secure(progress_.last))));
}

void LogReceiver::Sent(size_t count, int64_t) {
  out_.Consume(count);
  AcknowledgeIfOwed();
}

}  // namespace ringkv::cluster
