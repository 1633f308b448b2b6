// SPDX-License-Identifier: MIT
#include "server/http/response.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "server/http/json.h"

namespace ringkv::server::http {
namespace {

constexpr std::array<std::string_view, kStatusCount> kReasons = {
    "OK",
    "No Content",
    "Not Modified",
    "Temporary Redirect",
    "Bad Request",
    "Unauthorized",
    "Forbidden",
    "Not Found",
    "Method Not Allowed",
    "Request Timeout",
    "Conflict",
    "Length Required",
    "Precondition Failed",
    "Payload Too Large",
    "URI Too Long",
    "Unsupported Media Type",
    "Expectation Failed",
    "Request Header Fields Too Large",
    "Internal Server Error",
    "Not Implemented",
    "Service Unavailable",
    "HTTP Version Not Supported",
    "Insufficient Storage",
};

void AppendHeader(resp::Buffer& out, std::string_view name, std::string_view value) {
  out.Append(name);
  out.Append(": ");
  out.Append(value);
  out.Append("\r\n");
}

bool MayHaveBody(const Response& response) { return response.status != 204 && response.status != 304; }

bool HasBody(const Response& response, const Delivery& delivery) {
  return MayHaveBody(response) && !delivery.without_body;
}

void AppendHead(resp::Buffer& out, const Response& response, const Delivery& delivery) {
  const size_t index = StatusIndex(response.status);
  out.Append("HTTP/1.1 ");
  out.Append(std::to_string(kStatuses[index]));
  out.Append(' ');
  out.Append(kReasons[index]);
  out.Append("\r\n");
  AppendHeader(out, "Date", delivery.date);
  if (MayHaveBody(response)) {
    AppendHeader(out, "Content-Type", response.content_type);
    if (response.events == nullptr) AppendHeader(out, "Content-Length", std::to_string(response.BodyBytes()));
    // Whatever a value looks like, a browser is not to take it for a page of this server.
    AppendHeader(out, "X-Content-Type-Options", "nosniff");
  }
  for (const auto& [name, value] : response.headers) AppendHeader(out, name, value);
  AppendHeader(out, "Connection", delivery.keeps_alive ? "keep-alive" : "close");
  out.Append("\r\n");
}

}  // namespace

size_t StatusIndex(int status) {
  const auto* found = std::find(std::begin(kStatuses), std::end(kStatuses), status);
  const auto* known = found == std::end(kStatuses) ? std::find(std::begin(kStatuses), std::end(kStatuses), 500) : found;
  return static_cast<size_t>(known - std::begin(kStatuses));
}

std::string_view DateText::At(int64_t unix_seconds) {
  if (unix_seconds == unix_seconds_) return text_;
  unix_seconds_ = unix_seconds;
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm broken{};
  ::gmtime_r(&time, &broken);
  char text[40];
  text_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &broken));
  return text_;
}

size_t Response::BodyBytes() const {
  size_t bytes = body.size();
  for (const std::string& piece : pieces) bytes += piece.size();
  return bytes;
}

void AppendResponse(resp::Buffer& out, const Response& response, const Delivery& delivery) {
  AppendHead(out, response, delivery);
  if (!HasBody(response, delivery)) return;
  out.Append(response.body);
  for (const std::string& piece : response.pieces) out.Append(piece);
}

void BodySlices::Begin(resp::Buffer& out, Response response, const Delivery& delivery) {
  Clear();
  AppendHead(out, response, delivery);
  if (!HasBody(response, delivery)) return;
  bytes_ = response.BodyBytes();
  pieces_.swap(response.pieces);
  if (!response.body.empty()) pieces_.insert(pieces_.begin(), std::move(response.body));
}

void BodySlices::Append(resp::Buffer& out, size_t most) {
  const size_t most_at_once = most;
  while (!empty() && most > 0) {
    std::string& piece = pieces_[piece_];
    const std::string_view slice = std::string_view(piece).substr(offset_, most);
    out.Append(slice);
    most -= slice.size();
    bytes_ -= slice.size();
    offset_ += slice.size();
    if (offset_ < piece.size()) return;
    piece.size() > most_at_once ? sent_piece_.swap(piece) : std::string().swap(piece);
    offset_ = 0;
    ++piece_;
  }
}

Response ErrorResponse(int status, std::string_view text) {
  Response response{.status = status, .body = "{\"error\":" + ToJson(text) + "}\n"};
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace ringkv::server::http
