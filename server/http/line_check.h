// SPDX-License-Identifier: MIT
// Whether the lines of a request's head, and those behind its last chunk, have the one form that everybody reads alike.
//
// Parsers differ in what else they take: a line feed alone as the end of a line, a line that goes on in the next one,
// a blank before a colon. Who stands behind a proxy that reads such a request otherwise answers requests that the proxy
// has not seen (request smuggling). So bytes are shown to this check before the parser gets them.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::server::http {

class LineCheck {
 public:
  // kRequest begins with the request line, kTrailer with a field or the empty line behind the last chunk.
  enum class Begin : uint8_t { kRequest, kTrailer };
  explicit LineCheck(Begin begin) : state_(begin == Begin::kRequest ? State::kStart : State::kFieldStart) {}

  // Looks at what has come next, up to the empty line that ends the part. Returns how many bytes are good: all, unless
  // something is wrong() with the next one.
  size_t Check(std::string_view bytes);
  // Text that lives as long as the program; empty if nothing is.
  std::string_view wrong() const { return wrong_; }

 private:
  enum class State : uint8_t {
    kStart,         // empty lines may stand before a request
    kStartEnd,      // behind their carriage return
    kRequestLine,   // in one of its three words
    kRequestBlank,  // behind the blank between two of them
    kLineEnd,       // behind the carriage return of the request line or a field
    kFieldStart,
    kName,
    kValue,
    kEnd,   // behind the last carriage return
    kDone,  // behind the empty line
  };

  std::string_view CheckByte(char byte);

  State state_;
  int blanks_ = 0;  // in the request line
  std::string_view wrong_;
};

}  // namespace ringkv::server::http
