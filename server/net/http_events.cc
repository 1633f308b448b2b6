// SPDX-License-Identifier: MIT
// Streams of events over HTTP: what is pushed to the client, and samples when they are due.
#include <utility>

#include "server/net/http_connection.h"

namespace ringkv::server {

void HttpConnection::BeginEvents(std::shared_ptr<http::EventStream> events) {
  events_ = std::move(events);
  is_ending_ = false;  // the connection ends with the stream
  UpdateLimits();
}

void HttpConnection::Push(const std::string& line) {
  if (events_ == nullptr || is_closed_ || is_ending_) return;
  UpdateLimits();
  SendEvent(events_->Line(line, output_.size()));
  if (!events_->has_ended()) return;
  ForgetSession();
  is_ending_ = true;
}

void HttpConnection::PushMessage(std::string_view message) {
  if (events_ == nullptr || is_closed_ || is_ending_) return;
  UpdateLimits();
  SendEvent(events_->Message(message, output_.size()));
}

void HttpConnection::SendEvent(const std::string& event) {
  if (event.empty()) return;
  output_.Append(event);
  output_.has_overflowed() ? replies_.CloseLater() : replies_.FlushLater();
}

void HttpConnection::ForgetSession() {
  if (!session_.is_monitor && session_.subscriptions.empty()) return;
  if (session_.is_monitor) server_.monitor().Remove(*session_.card);
  session_.is_monitor = false;
  session_.card->is_monitor = false;
  server_.broker().RemoveAll(session_.subscriptions, *session_.card);
  session_.NoteSubscriptions();
}

}  // namespace ringkv::server
