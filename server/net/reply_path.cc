// SPDX-License-Identifier: MIT
#include "server/net/reply_path.h"

#include <algorithm>
#include <utility>

#include "server/command/error_replies.h"
#include "server/composition/server.h"
#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/socket_io.h"
#include "server/net/stream_socket.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

// What may have been read behind the end of the lease waits for a lease, even if no group has changed it.
constexpr storage::Lsn kFirstLsn = 1;
constexpr size_t kOutputKept = 64 * 1024;  // a larger output buffer is freed as soon as it is empty

}  // namespace

ReplyPath::ReplyPath(IoThread& thread, ClientConnection& connection, StreamSocket& socket, ClientCard& card)
    : thread_(thread),
      server_(thread.server()),
      connection_(connection),
      socket_(socket),
      card_(card),
      counted_memory_(thread.state()) {}

void ReplyPath::UpdateLimits(ClientClass client_class, bool may_be_evicted) {
  client_class_ = client_class;
  const size_t all_clients = may_be_evicted ? ClientMemoryLimit(server_.options()) : 0;
  limits_ = Backpressure::Of(server_.options(), client_class, all_clients);
  output_.set_limit(limits_.output_limit);
}

bool ReplyPath::MayExecute(size_t unexecuted) {
  if (is_discarding_) {
    gate_ = ReplyGate();
    output_.Consume(output_.size());
  }
  return limits_.MayExecute(output_.size(), unexecuted);
}

// --- replies --------------------------------------------------------------------------------------------------------

bool ReplyPath::IsSafe(storage::Lsn needed, uint32_t term) {
  return needed == 0 || (needed <= server_.safe_lsn() && !server_.HasEnded(term));
}

void ReplyPath::Hold(size_t start, storage::Lsn needed, uint32_t term, ReplyGate::Form form) {
  if (IsSafe(needed, term)) return;
  gate_.Hold(start, output_.size(), needed, term, server_.clock().SteadyMs(), form);
}

void ReplyPath::QueueBehind(size_t start, storage::Lsn needed) {
  if (foreign_.empty()) return Hold(start, needed, server_.quorum_term());
  if (output_.size() == start) return;
  foreign_.Append(output_.Readable().substr(start), needed, server_.quorum_term());
  output_.TruncateTo(start);
}

uint64_t ReplyPath::Reserve(size_t request_bytes, bool is_dropped) {
  return foreign_.Reserve(request_bytes, server_.quorum_term(), is_dropped);
}

void ReplyPath::Fill(uint64_t number, std::string reply, storage::Lsn needed) {
  window_.Took(reply.size(), limits_.mark);
  if (server_.replication().is_fenced()) needed = std::max(needed, kFirstLsn);
  foreign_.Fill(number, std::move(reply), needed);
  foreign_.TakeReady([this](std::string_view bytes, storage::Lsn lsn, uint32_t term) {
    const size_t start = output_.size();
    output_.Append(bytes);
    Hold(start, lsn, term);
  });
  if (output_.has_overflowed() || foreign_.bytes() > limits_.output_limit) return CloseLater();
  FlushLater();
}

void ReplyPath::CountPart(uint64_t number, size_t bytes) {
  foreign_.CountPart(number, bytes);
  if (foreign_.bytes() > limits_.output_limit) CloseLater();
}

// --- sending --------------------------------------------------------------------------------------------------------

void ReplyPath::FlushLater() {
  if (will_flush_ || is_writing_) return;
  will_flush_ = true;
  thread_.FlushLater(&connection_);
}

ReplyPath::Progress ReplyPath::Flush() {
  will_flush_ = false;
  // A reply is missing or incomplete: nothing behind it may be sent.
  if (output_.has_overflowed()) NoteOverflow();
  if (is_closing_) return Progress::kRefused;
  if (is_writing_ || is_discarding_) return Progress::kWaiting;
  size_t sendable = 0;
  if (!FindSendable(&sendable)) return Progress::kRefused;
  const size_t held = output_.size() - sendable;
  const size_t unsent = output_.size();
  const bool is_sound = SendAllBut(held, output_, gate_, socket_, thread_.state().statistics);
  card_.sent_bytes.store(card_.sent_bytes.load(std::memory_order_relaxed) + unsent - output_.size(),
                         std::memory_order_relaxed);
  if (!is_sound) return Progress::kBroken;
  if (output_.empty()) {
    if (output_.capacity() > kOutputKept) output_.ShrinkTo(0);
    return Progress::kSent;
  }
  if (output_.size() > held) {
    if (ExceedsLimit(server_.clock().SteadyMs())) return Progress::kRefused;
    is_writing_ = true;
    socket_.WaitWritable();
    return Progress::kWaiting;
  }
  if (is_held_) return Progress::kWaiting;
  is_held_ = true;
  thread_.HoldReplies(&connection_);
  // The LSN may have become safe before the thread knew of the held replies, which is not announced again.
  if (!FindSendable(&sendable)) return Progress::kRefused;
  return sendable > 0 ? Flush() : Progress::kWaiting;
}

bool ReplyPath::FindSendable(size_t* size) {
  const storage::Lsn safe = server_.safe_lsn();  // before the term, on which its meaning depends
  if (gate_.HoldsOfOtherTerm(server_.replication().term())) {
    const bool is_replaced = gate_.Replace(
        output_, [this](uint32_t term) { return server_.HasEnded(term); },
        [this](ReplyGate::Form form, bool is_last) {
          connection_.AppendLost(errors::kOutcomeOpenByRole, form, is_last);
        });
    if (!is_replaced) return false;
  }
  *size = gate_.Sendable(output_.size(), safe);
  return true;
}

bool ReplyPath::GiveUpQuorum() {
  size_t sendable = 0;
  if (!FindSendable(&sendable)) return false;  // those that are safe by now stay
  const bool is_replaced = gate_.Replace(
      output_, [](uint32_t) { return true; },
      [this](ReplyGate::Form form, bool is_last) { connection_.AppendLost(errors::kOutcomeOpen, form, is_last); });
  if (is_replaced) FlushLater();
  return is_replaced;
}

// --- limits and memory ----------------------------------------------------------------------------------------------

bool ReplyPath::Tick(int64_t now_ms) {
  if (!output_.empty() && ExceedsLimit(now_ms)) return false;
  const int64_t held_since_ms = gate_.held_since_ms();
  const bool is_late = held_since_ms != 0 && now_ms - held_since_ms > server_.replication().ack_timeout_ms();
  if (is_late && server_.waits_for_quorum() && !GiveUpQuorum()) return false;
  // Whatever makes replies safe announces it; this is for what does not.
  if (!is_held_ || is_writing_) return true;
  size_t sendable = 0;
  if (!FindSendable(&sendable)) return false;
  if (sendable > 0) FlushLater();
  return true;
}

bool ReplyPath::ExceedsLimit(int64_t now_ms) {
  const OutputLimit& limit = server_.options().output_limits[static_cast<size_t>(client_class_)];
  if (!limit_watch_.Exceeds(limit, output_.size() + unwritten_, now_ms)) return false;
  NoteExceeded(Limit::kOwn);
  return true;
}

void ReplyPath::NoteOverflow() { NoteExceeded(limits_.is_limit_of_all ? Limit::kOfAllClients : Limit::kOwn); }

void ReplyPath::NoteExceeded(Limit limit) {
  if (std::exchange(is_closing_, true)) return;
  ThreadStatistics& statistics = thread_.state().statistics;
  if (limit == Limit::kOfAllClients) {
    server_.log().Notice("closing " + card_.address + ": its unread replies exceed maxmemory-clients");
    return statistics.clients_evicted.Add(1);
  }
  server_.log().Warning("closing " + card_.address + ": its unread replies exceed client-output-buffer-limit");
  statistics.output_buffer_limit_disconnections.Add(1);
}

void ReplyPath::CloseLater() {
  if (is_closing_) return;
  NoteOverflow();
  thread_.Post([&thread = thread_, id = card_.id] {
    if (ClientConnection* found = thread.Find(id)) found->Close();
  });
}

void ReplyPath::CountMemory() {
  const size_t bytes = output_.size() + unwritten_ + foreign_.bytes();
  card_.output_bytes.store(bytes, std::memory_order_relaxed);
  if (bytes > card_.output_peak.load(std::memory_order_relaxed)) {
    card_.output_peak.store(bytes, std::memory_order_relaxed);
  }
  const size_t capacity = output_.capacity() + unwritten_ + foreign_.bytes() + gate_.MemoryBytes();
  thread_.state().statistics.CountResize(card_.output_capacity.load(std::memory_order_relaxed), capacity);
  card_.output_capacity.store(capacity, std::memory_order_relaxed);
  if (counted_memory_.Set(card_.MemoryBytes())) thread_.client_eviction().Check();
}

}  // namespace ringkv::server
