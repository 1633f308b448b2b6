// SPDX-License-Identifier: MIT
// Bytes to HTTP requests, one after the other, by the library http-parser; with limits that hold before memory is
// spent.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/request.h"

struct http_parser;

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

  // Reads on. `taken`: how many of the bytes are used up. kHead is said once.
  Progress Read(std::string_view bytes, const RequestLimits& limits, size_t* taken);
  const Request& request() const { return request_; }
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

  std::unique_ptr<http_parser> parser_;
  Request request_;
  Error error_;
  RequestLimits limits_;
  std::string* value_ = nullptr;  // the header line that is being read; null: nobody wants it
  std::string name_;
  size_t head_bytes_ = 0;
  bool has_begun_ = false;
  bool in_value_ = false;
  bool in_body_ = false;
  bool is_whole_ = false;
};

}  // namespace ringkv::server::http
