// SPDX-License-Identifier: MIT
// Checks that the lines of a request's head and of its trailer have the form that all HTTP parsers interpret alike.
//
// Parsers differ in other forms: a bare line feed as line end, folded lines, a blank before a colon. A server behind a
// proxy that interprets such a request differently answers requests that the proxy has not seen (request smuggling). So
// this check sees all bytes before the parser does.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::server::http {

class LineCheck {
 public:
  // kRequest begins with the request line, kTrailer with a field or the empty line after the last chunk.
  enum class Begin : uint8_t { kRequest, kTrailer };
  explicit LineCheck(Begin begin) : state_(begin == Begin::kRequest ? State::kStart : State::kFieldStart) {}

  // Checks the next bytes, up to the empty line that ends the part. Returns the number of valid bytes: all, unless
  // wrong() describes an error at the next one.
  size_t Check(std::string_view bytes);
  // A static text; empty if there is no error.
  std::string_view wrong() const { return wrong_; }

 private:
  enum class State : uint8_t {
    kStart,         // empty lines may precede a request
    kStartEnd,      // after their carriage return
    kRequestLine,   // within one of its three words
    kRequestBlank,  // after the blank between two of them
    kLineEnd,       // after the carriage return of the request line or a field
    kFieldStart,
    kName,
    kValue,
    kEnd,   // after the last carriage return
    kDone,  // after the empty line
  };

  std::string_view CheckByte(char byte);

  State state_;
  int blanks_ = 0;  // in the request line
  std::string_view wrong_;
};

}  // namespace ringkv::server::http
