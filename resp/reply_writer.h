// SPDX-License-Identifier: MIT
// Writes replies in RESP2 or RESP3, one method per type. In RESP2 a map is a flat array, a set an array, a double a
// bulk string, and so on, so handlers are independent of the protocol. Above the buffer's limit nothing is written; the
// buffer reports the overflow.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string_view>

#include "resp/buffer.h"

namespace ringkv::resp {

class ReplyWriter {
 public:
  // `out` must outlive the writer. `protocol` is 2 or 3.
  ReplyWriter(Buffer& out, int protocol) : out_(out), protocol_(protocol) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  Buffer& buffer() { return out_; }

  // "+text": `text` holds no line break.
  void Simple(std::string_view text);
  void Ok() { out_.Append("+OK\r\n"); }
  // "-CODE text": line breaks become spaces, so that no argument can forge a second reply. Counted in errors().
  void Error(std::string_view code_and_text);
  void Integer(int64_t value);
  void Bulk(std::string_view bytes);
  void BulkInteger(int64_t value);
  void Null();
  void NullArray();
  void Array(int64_t count) { Header('*', count); }
  void Map(int64_t pairs);
  // A push message, for RESP3 only.
  void Push(int64_t count) { Header(protocol_ >= 3 ? '>' : '*', count); }
  void Set(int64_t count) { Header(protocol_ >= 3 ? '~' : '*', count); }
  void Double(double value);
  // A complete reply that was written before, for the same protocol.
  void Raw(std::string_view reply) { out_.Append(reply); }
  // A verbatim string; `format` has three letters ("txt", "mkd").
  void Verbatim(std::string_view text, std::string_view format);

  int64_t errors() const { return errors_; }
  std::string_view last_error_code() const { return {last_code_, last_code_size_}; }

 private:
  void Header(char kind, int64_t number);

  Buffer& out_;
  int protocol_;
  int64_t errors_ = 0;
  char last_code_[32] = {};
  size_t last_code_size_ = 0;
};

}  // namespace ringkv::resp
