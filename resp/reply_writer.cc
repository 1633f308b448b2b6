// SPDX-License-Identifier: MIT
#include "resp/reply_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "resp/integer_text.h"

namespace ringkv::resp {
namespace {

constexpr size_t kLongestHeader = 1 + kLongestInteger + 2;

char* PutHeader(char* at, char kind, int64_t number) {
  *at++ = kind;
  if (number >= 0 && number < 10) {
    *at++ = static_cast<char>('0' + number);
  } else {
    at += FormatInteger(number, at);
  }
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

}  // namespace

void ReplyWriter::Header(char kind, int64_t number) {
  char* start = out_.Prepare(kLongestHeader);
  if (start == nullptr) return;
  out_.Commit(static_cast<size_t>(PutHeader(start, kind, number) - start));
}

void ReplyWriter::Simple(std::string_view text) {
  char* at = out_.Prepare(text.size() + 3);
  if (at == nullptr) return;
  *at++ = '+';
  std::memcpy(at, text.data(), text.size());
  at += text.size();
  *at++ = '\r';
  *at++ = '\n';
  out_.Commit(text.size() + 3);
}

void ReplyWriter::Error(std::string_view code_and_text) {
  ++errors_;
  last_code_size_ = std::min(code_and_text.find(' '), sizeof last_code_);
  last_code_size_ = std::min(last_code_size_, code_and_text.size());
  std::memcpy(last_code_, code_and_text.data(), last_code_size_);
  char* at = out_.Prepare(code_and_text.size() + 3);
  if (at == nullptr) return;
  *at++ = '-';
  at = std::transform(code_and_text.begin(), code_and_text.end(), at,
                      [](char c) { return c == '\r' || c == '\n' ? ' ' : c; });
  *at++ = '\r';
  *at++ = '\n';
  out_.Commit(code_and_text.size() + 3);
}

void ReplyWriter::Integer(int64_t value) { Header(':', value); }

void ReplyWriter::Bulk(std::string_view bytes) {
  char* start = out_.Prepare(kLongestHeader + bytes.size() + 2);
  if (start == nullptr) return;
  char* at = PutHeader(start, '$', static_cast<int64_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  at += bytes.size();
  *at++ = '\r';
  *at++ = '\n';
  out_.Commit(static_cast<size_t>(at - start));
}

void ReplyWriter::BulkInteger(int64_t value) {
  char digits[kLongestInteger];
  Bulk({digits, FormatInteger(value, digits)});
}

void ReplyWriter::Null() { out_.Append(protocol_ >= 3 ? "_\r\n" : "$-1\r\n"); }

void ReplyWriter::NullArray() { out_.Append(protocol_ >= 3 ? "_\r\n" : "*-1\r\n"); }

void ReplyWriter::Map(int64_t pairs) {
  if (protocol_ >= 3) {
    Header('%', pairs);
  } else {
    Header('*', pairs * 2);
  }
}

void ReplyWriter::Double(double value) {
  char text[64];
  int length = 0;
  if (std::isinf(value)) {
    length = std::snprintf(text, sizeof text, "%s", value > 0 ? "inf" : "-inf");
  } else {
    length = std::snprintf(text, sizeof text, "%.17g", value);
  }
  const std::string_view digits(text, static_cast<size_t>(length));
  if (protocol_ < 3) return Bulk(digits);
  out_.Append(',');
  out_.Append(digits);
  out_.Append("\r\n");
}

void ReplyWriter::Verbatim(std::string_view text, std::string_view format) {
  if (protocol_ < 3) return Bulk(text);
  Header('=', static_cast<int64_t>(text.size() + 4));
  out_.Append(format);
  out_.Append(':');
  out_.Append(text);
  out_.Append("\r\n");
}

}  // namespace ringkv::resp
