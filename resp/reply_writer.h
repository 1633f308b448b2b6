// SPDX-License-Identifier: MIT
// Writes replies in RESP2 or RESP3, one method per type, as bytes or as a value (resp::Reply). In RESP2 a map is a flat
// array, a set an array, a double a bulk string, and so on, so handlers are independent of the protocol, and of whether
// a client of the Redis protocol or a part of the server gets the reply. Above the limit of the buffer or of the
// builder nothing is written; both report the overflow.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "resp/buffer.h"
#include "resp/reply_builder.h"

namespace ringkv::resp {

class ReplyWriter {
 public:
  // `out` must outlive the writer. `protocol` is 2 or 3.
  ReplyWriter(Buffer& out, int protocol) : out_(&out), protocol_(protocol) {}
  // Builds a value. `value` must outlive the writer.
  ReplyWriter(ReplyBuilder& value, int protocol) : value_(&value), protocol_(protocol) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  // Whether it has a builder, and no buffer.
  bool builds_value() const { return value_ != nullptr; }
  ReplyBuilder& builder() { return *value_; }
  Buffer& buffer() { return *out_; }

  // "+text": `text` holds no line break.
  void Simple(std::string_view text);
  void Ok() { builds_value() ? Simple("OK") : out_->Append("+OK\r\n"); }
  // "-CODE text": line breaks become spaces, so that no argument can forge a second reply. Counted in errors().
  void Error(std::string_view code_and_text);
  // An error whose code was counted where it arose: last_error_code() is empty.
  void RepeatedError(std::string_view code_and_text);
  // An error that errors() doesn't count.
  void UncountedError(std::string_view code_and_text);
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
  // With its digits, if the shortest ones that %.17g gives are not wanted.
  void Double(double value, std::string_view digits);
  // In RESP2 an integer, 0 or 1.
  void Boolean(bool value);
  // In RESP2 a bulk string.
  void BigNumber(std::string_view digits);
  // A complete reply that was written before, for the same protocol.
  void Raw(std::string_view reply);
  // A verbatim string; `format` has three letters ("txt", "mkd").
  void Verbatim(std::string_view text, std::string_view format);

  int64_t errors() const { return errors_; }
  std::string_view last_error_code() const { return {last_code_, last_code_size_}; }

 private:
  void Header(char kind, int64_t number);

  // One of them; the other is null.
  Buffer* out_ = nullptr;
  ReplyBuilder* value_ = nullptr;
  int protocol_;
  int64_t errors_ = 0;
  char last_code_[32] = {};
  size_t last_code_size_ = 0;
};

// An array of bulk strings whose length is known only at the end. The strings are written to the reply directly, so
// that its limits apply.
class BulkList {
 public:
  explicit BulkList(ReplyWriter& reply) : reply_(reply) {
    if (!reply.builds_value()) begin_ = end_ = reply.buffer().size();
  }
  void Add(std::string_view text);
  // Puts what was written after the last string, and the array's header, before the first string.
  void Finish();

 private:
  ReplyWriter& reply_;
  size_t begin_ = 0;  // in the buffer
  size_t end_ = 0;
  int64_t count_ = 0;
  std::vector<Reply> members_;  // of a value
};

}  // namespace ringkv::resp
