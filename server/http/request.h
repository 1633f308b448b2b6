// SPDX-License-Identifier: MIT
// An HTTP request, as far as anybody here looks at it.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringkv::server::http {

enum class Method : uint8_t { kGet, kHead, kPut, kPost, kDelete, kOptions, kOther };

constexpr struct {
  Method method;
  std::string_view name;
} kMethodNames[] = {{Method::kGet, "GET"},
                    {Method::kHead, "HEAD"},
                    {Method::kPut, "PUT"},
                    {Method::kPost, "POST"},
                    {Method::kDelete, "DELETE"}};

struct Request {
  Method method = Method::kOther;
  std::string target;  // path and query as they came
  bool is_1_0 = false;
  bool keeps_alive = false;
  bool has_length = false;
  bool is_chunked = false;
  uint64_t content_length = 0;   // 0 where the head doesn't say it
  size_t hosts = 0;              // how many Host lines there were
  bool is_from_browser = false;  // has lines that browsers send and pages can't keep them from sending
  std::string host;
  std::string expect;
  std::string authorization;
  std::string content_type;
  std::string transfer_encoding;
  std::string origin;
  std::string if_match;
  std::string if_none_match;
  bool has_if_match = false;  // the line is there, though nothing may stand in it
  bool has_if_none_match = false;
  std::string body;
};

}  // namespace ringkv::server::http
