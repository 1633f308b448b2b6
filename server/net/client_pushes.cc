// SPDX-License-Identifier: MIT
// What a client is sent without asking: lines of MONITOR, published messages, invalidations of what it keeps.
#include <string>
#include <utility>

#include "server/net/connection.h"
#include "server/net/invalidation_message.h"
#include "server/session/client_tracking.h"

namespace ringkv::server {

// A line, or a message, may come from another thread when the client has stopped to listen.
void Connection::Push(const std::string& bytes) {
  if (!session_.is_monitor || session_.reply_mode.is_off) return;
  if (is_closed_ || replies_.is_closing() || closes_after_reply_) return;
  UpdateLimits();
  AppendPush({}, bytes);
}

void Connection::PushMessage(std::string_view message) {
  if (session_.subscriptions.empty() || is_closed_ || replies_.is_closing() || closes_after_reply_) return;
  UpdateLimits();
  if (session_.protocol < 3) return AppendPush({}, message);
  message.remove_prefix(1);
  AppendPush(">", message);
}

void Connection::AppendPush(std::string_view first, std::string_view rest) {
  resp::Buffer* const behind = stream_ == nullptr ? nullptr : stream_->Behind();
  resp::Buffer& output = behind == nullptr ? output_ : *behind;
  output.Append(first);
  output.Append(rest);
  output.has_overflowed() ? replies_.CloseLater() : replies_.FlushLater();
}

// --- invalidations --------------------------------------------------------------------------------------------------

void Connection::Invalidate(const InvalidationMessage& message, ForWhom whom) {
  const TrackingMode& mode = session_.tracking;
  if (!mode.is_on || (whom != ForWhom::kAll && (whom == ForWhom::kBroadcasts) != mode.is_broadcast)) return;
  if (session_.redirect != nullptr) return thread_.Redirect(id(), session_.redirect, message);
  if (session_.protocol < 3) return;
  AppendInvalidation(InvalidationMessage::kPush, message.BodyFor(3), message.lsn);
}

// With RESP2 the client must be a subscriber, of whatever channel, as in Redis.
void Connection::PushInvalidation(const InvalidationMessage& message) {
  if (session_.protocol < 3 && session_.subscriptions.empty()) return;
  AppendInvalidation(message.HeadFor(session_.protocol), message.BodyFor(session_.protocol), message.lsn);
}

void Connection::NoteBrokenRedirect() {
  if (session_.redirect == nullptr) return;
  server::NoteBrokenRedirect(session_);
  if (session_.protocol < 3) return;
  const std::string id = ":" + std::to_string(session_.redirect->id) + "\r\n";
  AppendInvalidation(">2\r\n$21\r\ntracking-redir-broken\r\n", id, 0);
}

void Connection::AppendInvalidation(std::string_view first, std::string_view rest, storage::Lsn lsn) {
  if (is_closed_ || replies_.is_closing() || closes_after_reply_) return;
  UpdateLimits();
  if (!unread_invalidations_.Take(first.size() + rest.size(), lsn, replies_.limits().mark)) return;
  if (IsAmidReply()) return unread_invalidations_.Hold(first, rest, lsn);
  const size_t start = output_.size();
  output_.Append(first);
  output_.Append(rest);
  if (output_.has_overflowed()) return replies_.CloseLater();
  replies_.Hold(start, lsn, server_.quorum_term(), ReplyGate::Form::kPush);
  replies_.FlushLater();
}

void Connection::AppendHeldInvalidations() {
  if (!unread_invalidations_.has_held() || IsAmidReply()) return;
  const auto [held, lsn] = unread_invalidations_.TakeHeld();
  const size_t start = output_.size();
  output_.Append(held);
  replies_.Hold(start, lsn, server_.quorum_term(), ReplyGate::Form::kPush);
}

void Connection::NoteInvalidationsRead() {
  const auto [owes_all, lsn] = unread_invalidations_.TakeOwed();
  if (owes_all) PushInvalidation({.lsn = lsn});
}

}  // namespace ringkv::server
