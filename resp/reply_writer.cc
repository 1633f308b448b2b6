// SPDX-License-Identifier: MIT
#include "resp/reply_writer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "resp/integer_text.h"
#include "resp/reply_parser.h"

namespace ringkv::resp {
namespace {

using std::string_view_literals::operator""sv;

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

// Has the system find all pages of what will be written at once: a fault for each page takes as long as to clear and
// write it. Systems that can't (Linux before 5.14) refuse it.
void FetchPages(char* bytes, size_t size) {
#ifdef MADV_POPULATE_WRITE
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t before = reinterpret_cast<uintptr_t>(bytes) % page;
  ::madvise(bytes - before, before + size, MADV_POPULATE_WRITE);
#endif
}

constexpr size_t kManyPages = size_t{1} << 20;  // bytes

// Returns the address behind them. Many are copied in slices, whose pages are still in the cache when they are written.
char* PutBytes(char* at, std::string_view bytes) {
  constexpr size_t kSlice = kManyPages / 4;
  size_t done = 0;
  if (bytes.size() >= kManyPages) [[unlikely]] {
    for (; bytes.size() - done > kSlice; done += kSlice) {
      FetchPages(at + done, kSlice);
      std::memcpy(at + done, bytes.data() + done, kSlice);
    }
  }
  if (done < bytes.size()) std::memcpy(at + done, bytes.data() + done, bytes.size() - done);
  return at + bytes.size();
}

bool IsLineBreak(char c) { return c == '\r' || c == '\n'; }

ReplyKind KindOf(char header) {
  switch (header) {
    case '%': return ReplyKind::kMap;
    case '~': return ReplyKind::kSet;
    default: return ReplyKind::kArray;
  }
}

}  // namespace

void ReplyWriter::Header(char kind, int64_t number) {
  if (builds_value()) [[unlikely]]
    return value_->Open(KindOf(kind), kind == '%' ? 2 * number : number);
  char* start = out_->Prepare(kLongestHeader);
  if (start == nullptr) return;
  out_->Commit(static_cast<size_t>(PutHeader(start, kind, number) - start));
}

void ReplyWriter::Simple(std::string_view text) {
  if (builds_value()) [[unlikely]]
    return value_->Add({.kind = ReplyKind::kStatus, .text = std::string(text)});
  char* at = out_->Prepare(text.size() + 3);
  if (at == nullptr) return;
  *at++ = '+';
  std::memcpy(at, text.data(), text.size());
  at += text.size();
  *at++ = '\r';
  *at++ = '\n';
  out_->Commit(text.size() + 3);
}

void ReplyWriter::Error(std::string_view code_and_text) {
  ++errors_;
  const size_t space = code_and_text.find(' ');
  const std::string_view code = space == code_and_text.npos ? "ERR" : code_and_text.substr(0, space);  // as in Redis
  last_code_size_ = std::min(code.size(), sizeof last_code_);
  std::memcpy(last_code_, code.data(), last_code_size_);
  UncountedError(code_and_text);
}

void ReplyWriter::RepeatedError(std::string_view code_and_text) {
  ++errors_;
  last_code_size_ = 0;
  UncountedError(code_and_text);
}

void ReplyWriter::UncountedError(std::string_view code_and_text) {
  if (builds_value()) [[unlikely]] {
    std::string text(code_and_text);
    std::replace_if(text.begin(), text.end(), IsLineBreak, ' ');
    return value_->Add({.kind = ReplyKind::kError, .text = std::move(text)});
  }
  char* at = out_->Prepare(code_and_text.size() + 3);
  if (at == nullptr) return;
  *at++ = '-';
  at = std::replace_copy_if(code_and_text.begin(), code_and_text.end(), at, IsLineBreak, ' ');
  *at++ = '\r';
  *at++ = '\n';
  out_->Commit(code_and_text.size() + 3);
}

void ReplyWriter::Integer(int64_t value) {
  if (builds_value()) [[unlikely]]
    return value_->Add({.kind = ReplyKind::kInteger, .integer = value});
  Header(':', value);
}

void ReplyWriter::Bulk(std::string_view bytes) {
  if (builds_value()) [[unlikely]]
    return value_->Add({.kind = ReplyKind::kText, .text = std::string(bytes)});
  char* start = out_->Prepare(kLongestHeader + bytes.size() + 2);
  if (start == nullptr) return;
  char* at = PutBytes(PutHeader(start, '$', static_cast<int64_t>(bytes.size())), bytes);
  *at++ = '\r';
  *at++ = '\n';
  out_->Commit(static_cast<size_t>(at - start));
}

void ReplyWriter::BulkInteger(int64_t value) {
  char digits[kLongestInteger];
  Bulk({digits, FormatInteger(value, digits)});
}

void ReplyWriter::Null() {
  if (builds_value()) [[unlikely]]
    return value_->Add({});
  out_->Append(protocol_ >= 3 ? "_\r\n"sv : "$-1\r\n"sv);
}

void ReplyWriter::NullArray() {
  if (builds_value()) [[unlikely]]
    return value_->Add({});
  out_->Append(protocol_ >= 3 ? "_\r\n"sv : "*-1\r\n"sv);
}

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
  Double(value, {text, static_cast<size_t>(length)});
}

void ReplyWriter::Double(double value, std::string_view digits) {
  if (protocol_ < 3) return Bulk(digits);
  if (builds_value()) [[unlikely]]
    return value_->Add({.kind = ReplyKind::kDouble, .number = value});
  out_->Append(',');
  out_->Append(digits);
  out_->Append("\r\n");
}

void ReplyWriter::Verbatim(std::string_view text, std::string_view format) {
  if (protocol_ < 3) return Bulk(text);
  if (builds_value()) [[unlikely]] {
    return value_->Add({.kind = ReplyKind::kVerbatim, .text = std::string(format) + ":" + std::string(text)});
  }
  Header('=', static_cast<int64_t>(text.size() + 4));
  out_->Append(format);
  out_->Append(':');
  out_->Append(text);
  out_->Append("\r\n");
}

void ReplyWriter::Boolean(bool value) {
  if (protocol_ < 3) return Integer(value ? 1 : 0);
  if (builds_value()) return value_->Add({.kind = ReplyKind::kBoolean, .integer = value ? 1 : 0});
  out_->Append(value ? "#t\r\n" : "#f\r\n");
}

void ReplyWriter::BigNumber(std::string_view digits) {
  if (protocol_ < 3) return Bulk(digits);
  if (builds_value()) return value_->Add({.kind = ReplyKind::kBigNumber, .text = std::string(digits)});
  out_->Append('(');
  out_->Append(digits);
  out_->Append("\r\n");
}

void ReplyWriter::Raw(std::string_view reply) {
  if (!builds_value()) return out_->Append(reply);
  Reply value;
  size_t consumed = 0;
  if (ParseReply(reply, {}, &value, &consumed) == ReplyStatus::kReply) value_->Add(std::move(value));
}

void BulkList::Add(std::string_view text) {
  ++count_;
  if (reply_.builds_value()) [[unlikely]] {
    Reply member{.kind = ReplyKind::kText, .text = std::string(text)};
    if (reply_.builder().Count(member)) members_.push_back(std::move(member));
    return;
  }
  reply_.Bulk(text);
  end_ = reply_.buffer().size();
}

void BulkList::Finish() {
  if (reply_.builds_value()) [[unlikely]]
    return reply_.builder().Add({.kind = ReplyKind::kArray, .members = std::move(members_)});
  reply_.Array(count_);
  reply_.buffer().PutBefore(begin_, end_);
}

}  // namespace ringkv::resp
