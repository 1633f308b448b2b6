// SPDX-License-Identifier: MIT
// Bytes to HTTP requests, one after the other, by the library llhttp behind a check of the lines; with limits that hold
// before memory is spent.
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

struct llhttp__internal_s;

namespace ringkv::server::http {

struct RequestLimits {
  size_t head_bytes = 0;
  uint64_t body_bytes = 0;
};

enum class Progress : uint8_t {
  kNeedMore,
  kHead,   // the head is there, and the body is not: whoever minds says so before it comes
  kWhole,  // what follows belongs to the next request
  kError,  // see error(); nothing that follows makes sense
};

class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Reads on. `taken`: how many of the bytes are used up. kHead is said once; behind it a request without a body is
  // whole without further bytes.
  Progress Read(std::string_view bytes, const RequestLimits& limits, size_t* taken);
  const Request& request() const { return request_; }
  Request& request() { return request_; }
  // For the next one.
  void Restart();
  // Something of a request has come.
  bool has_begun() const { return has_begun_; }

  struct Error {
    int status = 400;
    std::string text;
  };
  const Error& error() const { return error_; }

 private:
  struct Callbacks;

  Progress Fail(int status, std::string text);
  // Shows bytes to the parser, up to where a callback pauses it. False if it makes no sense of them.
  bool Execute(std::string_view bytes, size_t* taken);
  Progress FailToParse();
  Progress AfterHeadBytes(size_t taken);

  std::unique_ptr<llhttp__internal_s> parser_;
  Request request_;
  Error error_;
  RequestLimits limits_;
  std::string* value_ = nullptr;  // the header line that is being read; null: nobody wants it
  std::string name_;
  LineCheck lines_{LineCheck::Begin::kRequest};
  bool checks_lines_ = true;  // in the head, and behind the last chunk
  size_t head_bytes_ = 0;
  size_t frame_bytes_ = 0;  // of a chunked body: what is none of its data
  size_t frame_bytes_allowed_ = 0;
  bool has_begun_ = false;
  bool is_name_whole_ = false;
  bool is_encoded_ = false;  // has a line Transfer-Encoding
  bool in_body_ = false;
  bool is_whole_ = false;
};

}  // namespace ringkv::server::http
