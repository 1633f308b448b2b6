// SPDX-License-Identifier: MIT
#include "server/http/request_reader.h"

#include <http_parser.h>

#include "server/command/text.h"

namespace ringkv::server::http {
namespace {

Method MethodOf(const http_parser& parser) {
  switch (parser.method) {
    case HTTP_GET: return Method::kGet;
    case HTTP_HEAD: return Method::kHead;
    case HTTP_PUT: return Method::kPut;
    case HTTP_POST: return Method::kPost;
    case HTTP_DELETE: return Method::kDelete;
    case HTTP_OPTIONS: return Method::kOptions;
    default: return Method::kOther;
  }
}

constexpr uint32_t kMostHeaderBytes = 2u << 20;  // no less than http-max-head-size can be

constexpr struct {
  std::string_view name;
  std::string Request::*value;
} kHeaders[] = {{"host", &Request::host},
                {"expect", &Request::expect},
                {"authorization", &Request::authorization},
                {"content-type", &Request::content_type},
                {"origin", &Request::origin},
                {"if-match", &Request::if_match},
                {"if-none-match", &Request::if_none_match}};

}  // namespace

struct RequestReader::Callbacks {
  static RequestReader& Self(http_parser* parser) { return *static_cast<RequestReader*>(parser->data); }

  static int OnUrl(http_parser* parser, const char* at, size_t size) {
    Self(parser).request_.target.append(at, size);
    return 0;
  }

  static int OnField(http_parser* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    if (self.in_body_) return 0;  // of a trailer
    if (self.in_value_) self.name_.clear();
    self.in_value_ = false;
    self.name_.append(at, size);
    return 0;
  }

  static int OnValue(http_parser* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    if (self.in_body_) return 0;
    if (!self.in_value_ && !Begin(self)) return 1;
    self.in_value_ = true;
    if (self.value_ != nullptr) self.value_->append(at, size);
    return 0;
  }

  // False if nobody should have sent such a name.
  static bool Begin(RequestReader& self) {
    // Servers differ in what they make of it, which others use against those that stand behind each other.
    if (self.name_.find(' ') != std::string::npos) {
      self.Fail(400, "a header's name has a blank in it");
      return false;
    }
    self.value_ = nullptr;
    for (const auto& header : kHeaders) {
      if (!EqualsIgnoringCase(header.name, self.name_)) continue;
      self.value_ = &(self.request_.*header.value);
      if (!self.value_->empty()) *self.value_ += ", ";  // as lists are joined
    }
    if (EqualsIgnoringCase(self.name_, "host")) ++self.request_.hosts;
    return true;
  }

  static int OnHeadersComplete(http_parser* parser) {
    RequestReader& self = Self(parser);
    Request& request = self.request_;
    self.in_body_ = true;
    if (parser->http_major != 1) {
      self.Fail(505, "this server speaks HTTP/1.1");
      return -1;
    }
    request.method = MethodOf(*parser);
    request.is_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    request.keeps_alive = http_should_keep_alive(parser) != 0;
    request.has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    request.is_chunked = (parser->flags & F_CHUNKED) != 0;
    request.content_length = request.has_length ? parser->content_length : 0;
    http_parser_pause(parser, 1);
    return 0;
  }

  static int OnBody(http_parser* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    // A chunked body doesn't say beforehand how long it will be.
    if (self.request_.body.size() + size > self.limits_.body_bytes) {
      self.Fail(413, "the body is longer than http-max-body-size allows (" + std::to_string(self.limits_.body_bytes) +
                         " bytes)");
      return 1;
    }
    self.request_.body.append(at, size);
    return 0;
  }

  static int OnMessageComplete(http_parser* parser) {
    Self(parser).is_whole_ = true;
    http_parser_pause(parser, 1);
    return 0;
  }

  static const http_parser_settings& Settings() {
    static const http_parser_settings settings = [] {
      // Of the head, for which we have a limit of our own, but also of what stands around chunks, and behind them.
      http_parser_set_max_header_size(kMostHeaderBytes);
      http_parser_settings made;
      http_parser_settings_init(&made);
      made.on_url = &OnUrl;
      made.on_header_field = &OnField;
      made.on_header_value = &OnValue;
      made.on_headers_complete = &OnHeadersComplete;
      made.on_body = &OnBody;
      made.on_message_complete = &OnMessageComplete;
      return made;
    }();
    return settings;
  }
};

RequestReader::RequestReader() : parser_(std::make_unique<http_parser>()) { Restart(); }

RequestReader::~RequestReader() = default;

void RequestReader::Restart() {
  http_parser_init(parser_.get(), HTTP_REQUEST);
  parser_->data = this;
  request_ = {};
  error_ = {};
  name_.clear();
  value_ = nullptr;
  head_bytes_ = 0;
  has_begun_ = in_value_ = in_body_ = is_whole_ = false;
}

Progress RequestReader::Fail(int status, std::string text) {
  if (error_.text.empty()) error_ = {status, std::move(text)};
  return Progress::kError;
}

Progress RequestReader::Read(std::string_view bytes, const RequestLimits& limits, size_t* taken) {
  limits_ = limits;
  *taken = 0;
  if (is_whole_) return Progress::kWhole;
  if (bytes.empty()) return Progress::kNeedMore;
  has_begun_ = true;
  http_parser_pause(parser_.get(), 0);
  const bool was_in_body = in_body_;
  // Not a byte more of the head than is allowed.
  if (!was_in_body) bytes = bytes.substr(0, limits.head_bytes - std::min(limits.head_bytes, head_bytes_) + 1);
  *taken = http_parser_execute(parser_.get(), &Callbacks::Settings(), bytes.data(), bytes.size());
  if (!was_in_body) head_bytes_ += *taken;
  const auto error = static_cast<http_errno>(parser_->http_errno);
  if (parser_->upgrade != 0) return Fail(501, "this server speaks HTTP/1.1 and changes to nothing else");
  if (error != HPE_OK && error != HPE_PAUSED) {
    return Fail(error == HPE_INVALID_METHOD ? 501 : 400,
                std::string("this is no HTTP/1.1 request: ") + http_errno_description(error));
  }
  if (is_whole_) return Progress::kWhole;
  if (!was_in_body && in_body_) return Progress::kHead;
  if (!in_body_ && head_bytes_ > limits.head_bytes) {
    return name_.empty() ? Fail(414, "the address is longer than http-max-head-size allows")
                         : Fail(431, "the head is longer than http-max-head-size allows (" +
                                         std::to_string(limits.head_bytes) + " bytes)");
  }
  return Progress::kNeedMore;
}

}  // namespace ringkv::server::http
