// SPDX-License-Identifier: MIT
// Writes HTTP responses.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/buffer.h"
#include "server/http/media_type.h"

namespace ringkv::server::http {

class EventStream;

struct Response {
  int status = 200;
  std::string_view content_type = kJsonType;  // must outlive the response
  std::vector<std::pair<std::string_view, std::string>> headers = {};
  std::string body = {};
  std::vector<std::string> pieces = {};  // of the body, behind `body`; none is empty
  // Set: what follows the head is whatever this makes of events, until one side closes the connection.
  std::shared_ptr<EventStream> events = {};

  size_t BodyBytes() const;
};

// The statuses that this server sends, ascending.
constexpr int kStatuses[] = {200, 204, 304, 307, 400, 401, 403, 404, 405, 408, 409, 411,
                             412, 413, 414, 415, 417, 431, 500, 501, 503, 505, 507};
constexpr size_t kStatusCount = sizeof kStatuses / sizeof kStatuses[0];
// Its index in the list.
size_t StatusIndex(int status);

// The value of the Date header, formatted once a second.
class DateText {
 public:
  std::string_view At(int64_t unix_seconds);

 private:
  int64_t unix_seconds_ = -1;
  std::string text_;
};

struct Delivery {
  bool without_body = false;  // HEAD: the same head, without the body
  bool keeps_alive = true;
  std::string_view date;
};
void AppendResponse(resp::Buffer& out, const Response& response, const Delivery& delivery);

// The body of a response that is sent in slices, as fast as the client reads.
class BodySlices {
 public:
  bool empty() const { return piece_ == pieces_.size(); }
  // Of what has not been appended yet.
  size_t bytes() const { return bytes_; }
  void Clear() { *this = BodySlices(); }
  // Appends the head to `out` and takes the body, if the response has one.
  void Begin(resp::Buffer& out, Response response, const Delivery& delivery);
  // Appends the next bytes of the body, at most so many. A piece that is longer can be taken then, to be freed.
  void Append(resp::Buffer& out, size_t most);
  bool has_sent_piece() const { return !sent_piece_.empty(); }
  std::string TakeSentPiece() { return std::exchange(sent_piece_, {}); }

 private:
  std::vector<std::string> pieces_;
  size_t piece_ = 0;
  size_t offset_ = 0;
  size_t bytes_ = 0;
  std::string sent_piece_;
};

// {"error": text}.
Response ErrorResponse(int status, std::string_view text);

}  // namespace ringkv::server::http
