// SPDX-License-Identifier: MIT
// Parses HTTP requests with the library llhttp, after a check of the lines. Limits apply before memory is allocated.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/line_check.h"
#include "server/http/request.h"

struct llhttp__internal_s;  // NOLINT(bugprone-reserved-identifier): named by the library

namespace ringkv::server::http {

struct RequestLimits {
  size_t head_bytes = 0;
  uint64_t body_bytes = 0;
};

enum class Progress : uint8_t {
  kNeedMore,
  kHead,   // the head is complete and the body is not: the time to refuse the request
  kWhole,  // the request is complete
  kError,  // see error(); the rest of the input is unusable
};

class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Parses the next bytes. `taken`: the number of bytes consumed. kHead is returned once; after it, a request without a
  // body is complete without further bytes.
  Progress Read(std::string_view bytes, const RequestLimits& limits, size_t* taken);
  const Request& request() const { return request_; }
  Request& request() { return request_; }
  // Prepares for the next request.
  void Restart();
  // Whether a part of a request was received.
  bool has_begun() const { return has_begun_; }

  struct Error {
    int status = 400;
    std::string text;
  };
  const Error& error() const { return error_; }

 private:
  struct Callbacks;

  Progress Fail(int status, std::string text);
  // Passes bytes to the parser, up to a pause by a callback. False if they are invalid.
  bool Execute(std::string_view bytes, size_t* taken);
  Progress FailToParse();
  Progress AfterHeadBytes(size_t taken);

  std::unique_ptr<llhttp__internal_s> parser_;
  Request request_;
  Error error_;
  RequestLimits limits_;
  std::string* value_ = nullptr;  // the value of the current header; null: ignored
  std::string name_;
  LineCheck lines_{LineCheck::Begin::kRequest};
  bool checks_lines_ = true;  // in the head and in the trailer
  size_t head_bytes_ = 0;
  size_t frame_bytes_ = 0;  // bytes of a chunked body that are not data
  size_t frame_bytes_allowed_ = 0;
  bool has_begun_ = false;
  bool is_name_whole_ = false;
  bool is_encoded_ = false;  // has a Transfer-Encoding header
  bool in_body_ = false;
  bool is_whole_ = false;
};

}  // namespace ringkv::server::http
