// SPDX-License-Identifier: MIT
#include "server/net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <cerrno>

#include "server/command/dispatch.h"

namespace ringkv::server {
namespace {

// A read that fills its buffer makes the next one larger: what arrives should be smaller than the buffer, because then
// no second, empty read is needed to find that out.
constexpr size_t kSmallestRead = 2 * 1024;
constexpr size_t kLargestRead = 64 * 1024;
constexpr size_t kOutputKept = 64 * 1024;  // a larger output buffer is given back as soon as it is empty
constexpr int64_t kIdleMs = 2000;          // after which buffers are given back

}  // namespace

Connection::Connection(IoThread& thread, int descriptor, std::shared_ptr<ClientCard> card)
    : thread_(thread),
      server_(thread.server()),
      socket_(thread.context()),
      session_(std::move(card), thread.server().watched_keys()),
      reply_(output_, 2),
      read_size_(kSmallestRead) {
  // The protocol given here only tells Asio that it is a stream.
  socket_.assign(asio::generic::stream_protocol(AF_INET, 0), descriptor);
  std::error_code ignored;
  socket_.non_blocking(true, ignored);
  session_.authenticated = server_.options().requirepass.Get().empty();
  last_read_ms_ = session_.card->connected_ms;
}

Connection::~Connection() = default;

void Connection::Start() { Read(); }

size_t Connection::pause_mark() const { return static_cast<size_t>(server_.options().client_output_pause_bytes.load()); }

// --- reading and serving --------------------------------------------------------------------------------------------

void Connection::Read() {
  if (is_reading_ || is_closed_) return;
  // A long argument under way may use a larger step, but never more than has arrived already.
  const size_t missing = parser_.BytesMissing(input_.size());
  const size_t step = missing > read_size_ ? std::min(missing, std::max(read_size_, input_.size())) : read_size_;
  char* room = input_.Prepare(step);
  is_reading_ = true;
  ++operations_;
  socket_.async_read_some(asio::buffer(room, input_.writable()),
                          [this](std::error_code error, size_t bytes) { OnRead(error, bytes); });
}

void Connection::OnRead(std::error_code error, size_t bytes) {
  is_reading_ = false;
  --operations_;
  if (is_closed_) return;
  if (shrinking_) {
    shrinking_ = false;
    if (error == asio::error::operation_aborted) {
      input_.ShrinkTo(0);
      return Read();
    }
  }
  if (error) return Close();
  const size_t room = input_.writable();
  input_.Commit(bytes);
  if (bytes == room) read_size_ = std::min(read_size_ * 2, kLargestRead);
  ThreadStatistics& statistics = thread_.state().statistics;
  statistics.bytes_read.Add(bytes);
  statistics.reads_processed.Add(1);
  Serve();
  if (!is_closed_ && !is_paused_ && !is_full_ && !session_.close_after_reply) Read();
}

void Connection::Serve() {
  storage::Txn& txn = thread_.state().txn;
  txn.set_now(server_.clock().Now());
  last_read_ms_ = txn.now();
  resp::RequestLimits limits;
  limits.bulk_bytes = server_.options().proto_max_bulk_len;
  while (!is_closed_ && ServeRequest(limits)) {
  }
  if (is_closed_) return;
  const auto limit = static_cast<size_t>(server_.options().client_query_buffer_limit.load());
  if (input_.size() > limit) {
    server_.log().Warning("closing " + session_.card->address +
                          ": its unexecuted input exceeds client-query-buffer-limit");
    thread_.state().statistics.query_buffer_limit_disconnections.Add(1);
    return Close();
  }
  UpdateCard();
  if (!output_.empty() || session_.close_after_reply) MarkForFlush();
}

bool Connection::ServeRequest(resp::RequestLimits& limits) {
  if (session_.close_after_reply || is_paused_) return false;
  if (output_.size() > pause_mark()) {
    is_full_ = true;
    return false;
  }
  const resp::ParseStatus status = parser_.Parse(input_.Readable(), limits, session_.authenticated);
  if (status == resp::ParseStatus::kNeedMore) return false;
  if (status == resp::ParseStatus::kError) {
    ReplyProtocolError();
    return false;
  }
  if (status == resp::ParseStatus::kRequest) {
    const size_t before = output_.size();
    if (session_.reply_mode == ReplyMode::kSkipNext) session_.reply_mode = ReplyMode::kSkipThis;
    const Outcome outcome = Dispatch(server_, thread_.state(), session_, parser_.arguments(), reply_);
    if (session_.close_now) {
      Close();
      return false;
    }
    if (outcome == Outcome::kPostponed) {
      // The parser hands the same bytes out again after the pause.
      is_paused_ = true;
      session_.card->is_paused = true;
      thread_.WaitForPauseEnd();
      return false;
    }
    if (session_.reply_mode != ReplyMode::kOn) {
      output_.TruncateTo(before);
      if (session_.reply_mode == ReplyMode::kSkipThis) session_.reply_mode = ReplyMode::kOn;
    }
  }
  input_.Consume(parser_.consumed());
  return true;
}

void Connection::ReplyProtocolError() {
  server_.log().Write(LogLevel::kVerbose, "protocol error of " + session_.card->address + ": " + parser_.error());
  reply_.Error("ERR Protocol error: " + parser_.error());
  thread_.state().statistics.CountError("ERR");
  session_.close_after_reply = true;
}

void Connection::UpdateCard() {
  session_.UpdateCard(thread_.state().txn.now());
  ClientCard& card = *session_.card;
  card.input_bytes.store(input_.size(), std::memory_order_relaxed);
  card.input_free.store(input_.writable(), std::memory_order_relaxed);
  card.argument_bytes.store(parser_.MemoryBytes(), std::memory_order_relaxed);
  card.output_bytes.store(output_.size(), std::memory_order_relaxed);
  card.output_capacity.store(output_.capacity(), std::memory_order_relaxed);
}

void Connection::Resume() {
  is_paused_ = false;
  session_.card->is_paused = false;
  Serve();
  if (!is_closed_ && !is_paused_ && !is_full_ && !session_.close_after_reply) Read();
}

// --- writing --------------------------------------------------------------------------------------------------------

void Connection::MarkForFlush() {
  if (will_flush_ || is_writing_) return;
  will_flush_ = true;
  thread_.FlushLater(this);
}

void Connection::Push(const std::string& bytes) {
  if (is_closed_ || session_.close_after_reply) return;
  output_.Append(bytes);
  MarkForFlush();
}

void Connection::Flush() {
  will_flush_ = false;
  if (is_closed_ || is_writing_) return;
  while (!output_.empty()) {
    const std::string_view bytes = output_.Readable();
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return Close();
    }
    ThreadStatistics& statistics = thread_.state().statistics;
    statistics.bytes_written.Add(static_cast<uint64_t>(sent));
    statistics.writes_processed.Add(1);
    output_.Consume(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < bytes.size()) break;
  }
  if (output_.empty()) {
    if (output_.capacity() > kOutputKept) output_.ShrinkTo(0);
    if (session_.close_after_reply) return Close();
  } else {
    if (OutputExceedsLimit(server_.clock().Now())) return Close();
    WaitUntilWritable();
  }
  // Below the mark again: the requests that waited go on.
  if (is_full_ && output_.size() <= pause_mark() / 2) {
    is_full_ = false;
    Serve();
    if (!is_closed_ && !is_paused_ && !is_full_ && !session_.close_after_reply) Read();
  }
}

void Connection::WaitUntilWritable() {
  is_writing_ = true;
  ++operations_;
  socket_.async_wait(asio::socket_base::wait_write, [this](std::error_code error) {
    --operations_;
    is_writing_ = false;
    if (is_closed_) return;
    if (error) return Close();
    Flush();
  });
}

// --- limits and the end ---------------------------------------------------------------------------------------------

bool Connection::OutputExceedsLimit(int64_t now_ms) {
  // What MONITOR pushes is limited like what a subscriber is pushed; replies wait for the client instead.
  const auto client_class = session_.is_monitor ? ClientClass::kPubSub : ClientClass::kNormal;
  const OutputLimit& limit = server_.options().output_limits[static_cast<size_t>(client_class)];
  const auto size = static_cast<int64_t>(output_.size());
  const int64_t hard = limit.hard_bytes;
  const int64_t soft = limit.soft_bytes;
  bool exceeds = hard != 0 && size >= hard;
  if (soft == 0 || size < soft) {
    over_soft_limit_since_ms_ = 0;
  } else if (over_soft_limit_since_ms_ == 0) {
    over_soft_limit_since_ms_ = now_ms;
  } else {
    exceeds = exceeds || now_ms - over_soft_limit_since_ms_ > limit.soft_seconds * 1000;
  }
  if (exceeds) {
    server_.log().Warning("closing " + session_.card->address + ": its unread replies exceed client-output-buffer-limit");
    thread_.state().statistics.output_buffer_limit_disconnections.Add(1);
  }
  return exceeds;
}

bool Connection::Tick(int64_t now_ms) {
  if (!output_.empty() && OutputExceedsLimit(now_ms)) return false;
  const int64_t idle_ms = now_ms - last_read_ms_;
  const int64_t timeout = server_.options().timeout;
  if (timeout > 0 && idle_ms > timeout * 1000 && !session_.is_monitor && !is_paused_) {
    server_.log().Write(LogLevel::kVerbose, "closing idle client " + session_.card->address);
    return false;
  }
  if (idle_ms > kIdleMs) {
    if (output_.empty()) output_.ShrinkTo(0);
    parser_.Shrink();
    if (is_reading_ && !shrinking_ && input_.empty() && input_.capacity() > kSmallestRead) {
      // The buffer is in the hands of the read under way.
      read_size_ = kSmallestRead;
      shrinking_ = true;
      std::error_code ignored;
      socket_.cancel(ignored);
    }
  }
  return true;
}

void Connection::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  if (session_.is_monitor) server_.monitor().Remove(*session_.card);
  server_.clients().Remove(id());
  std::error_code ignored;
  socket_.close(ignored);
  session_.UnwatchAll();
  thread_.Release(this);
}

}  // namespace ringkv::server
