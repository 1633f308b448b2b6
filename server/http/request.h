// SPDX-License-Identifier: MIT
// A parsed HTTP request, with the headers that this server uses.
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
  uint64_t content_length = 0;   // 0 if the head does not have it
  size_t hosts = 0;              // number of Host headers
  bool is_from_browser = false;  // has headers that browsers always send and pages cannot suppress
  std::string host;
  std::string expect;
  std::string authorization;
  std::string content_type;
  std::string content_encoding;
  std::string content_range;
  std::string transfer_encoding;
  std::string origin;
  std::string sec_fetch_site;
  std::string if_match;
  std::string if_none_match;
  bool has_if_match = false;  // the header exists, possibly empty
  bool has_if_none_match = false;
  std::string body;
};

}  // namespace ringkv::server::http
