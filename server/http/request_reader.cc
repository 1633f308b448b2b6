// SPDX-License-Identifier: MIT
#include "server/http/request_reader.h"

#include <llhttp.h>

#include <algorithm>

#include "server/base/text.h"

namespace ringkv::server::http {
namespace {

// Chunk headers and trailers together may be as long as a head, plus this for each chunk.
constexpr size_t kFrameBytesAChunk = 32;

Method MethodOf(const llhttp_t& parser) {
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

bool IsOfBrowsers(std::string_view name) {
  return EqualsIgnoringCase(name, "accept-language") || EqualsIgnoringCase(name, "origin") ||
         EqualsIgnoringCase(name.substr(0, 10), "sec-fetch-");
}

// Room for the whole body is made when a part of it is there, so that a client has to send something for it: less is
// copied then than by growing on, in one go.
void AppendToBody(Request& request, std::string_view bytes) {
  constexpr size_t kPart = 8;
  std::string& body = request.body;
  const bool must_grow = body.size() + bytes.size() > body.capacity();
  if (must_grow && body.size() >= request.content_length / kPart) body.reserve(request.content_length);
  body.append(bytes);
}

void RemoveBlanksBehind(std::string& value) { value.erase(value.find_last_not_of(" \t") + 1); }

constexpr struct {
  std::string_view name;
  std::string Request::*value;
} kHeaders[] = {{"host", &Request::host},
                {"expect", &Request::expect},
                {"authorization", &Request::authorization},
                {"content-type", &Request::content_type},
                {"content-encoding", &Request::content_encoding},
                {"content-range", &Request::content_range},
                {"transfer-encoding", &Request::transfer_encoding},
                {"origin", &Request::origin},
                {"sec-fetch-site", &Request::sec_fetch_site},
                {"if-match", &Request::if_match},
                {"if-none-match", &Request::if_none_match}};

}  // namespace

struct RequestReader::Callbacks {
  static RequestReader& Self(llhttp_t* parser) { return *static_cast<RequestReader*>(parser->data); }

  static int OnUrl(llhttp_t* parser, const char* at, size_t size) {
    Self(parser).request_.target.append(at, size);
    return 0;
  }

  static int OnField(llhttp_t* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    if (self.in_body_) return 0;  // of a trailer
    if (self.is_name_whole_) self.name_.clear();
    self.is_name_whole_ = false;
    self.name_.append(at, size);
    return 0;
  }

  static int OnFieldComplete(llhttp_t* parser) {
    RequestReader& self = Self(parser);
    if (self.in_body_) return 0;
    self.is_name_whole_ = true;
    Begin(self);
    return 0;
  }

  static int OnValue(llhttp_t* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    if (self.in_body_) return 0;
    if (self.value_ != nullptr) self.value_->append(at, size);
    return 0;
  }

  static void Begin(RequestReader& self) {
    self.value_ = nullptr;
    for (const auto& header : kHeaders) {
      if (!EqualsIgnoringCase(header.name, self.name_)) continue;
      self.value_ = &(self.request_.*header.value);
      if (!self.value_->empty()) *self.value_ += ", ";  // as lists are joined
    }
    if (EqualsIgnoringCase(self.name_, "host")) ++self.request_.hosts;
    if (EqualsIgnoringCase(self.name_, "transfer-encoding")) self.is_encoded_ = true;
    if (EqualsIgnoringCase(self.name_, "if-match")) self.request_.has_if_match = true;
    if (EqualsIgnoringCase(self.name_, "if-none-match")) self.request_.has_if_none_match = true;
    if (IsOfBrowsers(self.name_)) self.request_.is_from_browser = true;
  }

  static int OnHeadersComplete(llhttp_t* parser) {
    RequestReader& self = Self(parser);
    Request& request = self.request_;
    self.in_body_ = true;
    // The parser takes off the blanks before a value only.
    for (const auto& header : kHeaders) RemoveBlanksBehind(request.*header.value);
    if (parser->http_major != 1) {
      self.Fail(505, "this server speaks HTTP/1.1");
      return -1;
    }
    if (parser->method == HTTP_CONNECT) {
      self.Fail(501, "CONNECT is not supported");
      return -1;
    }
    parser->upgrade = 0;  // an offer of another protocol is ignored
    request.method = MethodOf(*parser);
    request.is_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    request.keeps_alive = llhttp_should_keep_alive(parser) != 0;
    request.has_length = (parser->flags & F_CONTENT_LENGTH) != 0;
    request.is_chunked = (parser->flags & F_CHUNKED) != 0;
    request.content_length = request.has_length ? parser->content_length : 0;
    if (request.hosts > 1) {
      self.Fail(400, "a request has one Host line");
      return -1;
    }
    // Not the same as no condition: a client whose variable was empty would overwrite what others have written.
    if ((request.has_if_match && request.if_match.empty()) ||
        (request.has_if_none_match && request.if_none_match.empty())) {
      self.Fail(400, "If-Match and If-None-Match take * or ETags in double quotes, not nothing");
      return -1;
    }
    if (self.is_encoded_ &&
        (request.is_1_0 || !request.is_chunked || !EqualsIgnoringCase(request.transfer_encoding, "chunked"))) {
      self.Fail(400, "the only supported Transfer-Encoding is chunked, in HTTP/1.1");
      return -1;
    }
    return HPE_PAUSED;
  }

  static int OnChunkHeader(llhttp_t* parser) {
    RequestReader& self = Self(parser);
    self.frame_bytes_allowed_ += kFrameBytesAChunk;
    if (parser->content_length != 0) return 0;
    self.lines_ = LineCheck(LineCheck::Begin::kTrailer);
    self.checks_lines_ = true;
    return HPE_PAUSED;
  }

  static int OnBody(llhttp_t* parser, const char* at, size_t size) {
    RequestReader& self = Self(parser);
    // A chunked body doesn't say beforehand how long it will be.
    if (self.request_.body.size() + size > self.limits_.body_bytes) {
      self.Fail(413, "the body is longer than http-max-body-size allows (" + std::to_string(self.limits_.body_bytes) +
                         " bytes)");
      return -1;
    }
    AppendToBody(self.request_, {at, size});
    return 0;
  }

  static int OnMessageComplete(llhttp_t* parser) {
    Self(parser).is_whole_ = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t& Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_url = &OnUrl;
      made.on_header_field = &OnField;
      made.on_header_field_complete = &OnFieldComplete;
      made.on_header_value = &OnValue;
      made.on_headers_complete = &OnHeadersComplete;
      made.on_chunk_header = &OnChunkHeader;
      made.on_body = &OnBody;
      made.on_message_complete = &OnMessageComplete;
      return made;
    }();
    return settings;
  }
};

RequestReader::RequestReader() : parser_(std::make_unique<llhttp_t>()) { Restart(); }

RequestReader::~RequestReader() = default;

void RequestReader::Restart() {
  llhttp_init(parser_.get(), HTTP_REQUEST, &Callbacks::Settings());
  parser_->data = this;
  request_ = {};
  error_ = {};
  name_.clear();
  value_ = nullptr;
  lines_ = LineCheck(LineCheck::Begin::kRequest);
  head_bytes_ = frame_bytes_ = frame_bytes_allowed_ = 0;
  checks_lines_ = true;
  has_begun_ = is_name_whole_ = is_encoded_ = in_body_ = is_whole_ = false;
}

Progress RequestReader::Fail(int status, std::string text) {
  if (error_.text.empty()) error_ = {status, std::move(text)};
  return Progress::kError;
}

bool RequestReader::Execute(std::string_view bytes, size_t* taken) {
  if (bytes.empty()) bytes = "";  // which is somewhere
  const llhttp_errno_t error = llhttp_execute(parser_.get(), bytes.data(), bytes.size());
  *taken = bytes.size();
  if (error == HPE_OK) return true;
  *taken = static_cast<size_t>(llhttp_get_error_pos(parser_.get()) - bytes.data());
  if (error != HPE_PAUSED) return false;
  llhttp_resume(parser_.get());
  return true;
}

Progress RequestReader::FailToParse() {
  const llhttp_errno_t error = llhttp_get_errno(parser_.get());
  if (error == HPE_INVALID_METHOD) return Fail(501, "unknown method");
  if (error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE) return Fail(505, "this server speaks HTTP/1.1");
  return Fail(400, std::string("not an HTTP/1.1 request: ") + llhttp_get_error_reason(parser_.get()));
}

Progress RequestReader::Read(std::string_view bytes, const RequestLimits& limits, size_t* taken) {
  limits_ = limits;
  *taken = 0;
  if (is_whole_) return Progress::kWhole;
  if (bytes.empty() && !in_body_) return Progress::kNeedMore;  // behind the head there may be nothing more to come
  has_begun_ = true;
  const bool was_in_body = in_body_;
  // Not a byte more of the head than is allowed.
  if (!was_in_body) bytes = bytes.substr(0, limits.head_bytes - std::min(limits.head_bytes, head_bytes_) + 1);
  // The parser gets what is good, so that an error doesn't depend on how the bytes have come.
  if (checks_lines_) bytes = bytes.substr(0, lines_.Check(bytes));
  const size_t body_before = request_.body.size();
  if (!Execute(bytes, taken)) return FailToParse();
  if (!lines_.wrong().empty()) return Fail(400, std::string(lines_.wrong()));
  if (!was_in_body) return AfterHeadBytes(*taken);
  frame_bytes_ += *taken - (request_.body.size() - body_before);
  if (frame_bytes_ > limits.head_bytes + frame_bytes_allowed_) {
    return Fail(400, "the bytes around the chunks exceed http-max-head-size");
  }
  return is_whole_ ? Progress::kWhole : Progress::kNeedMore;
}

Progress RequestReader::AfterHeadBytes(size_t taken) {
  head_bytes_ += taken;
  if (in_body_) {
    checks_lines_ = false;
    return Progress::kHead;
  }
  if (head_bytes_ <= limits_.head_bytes) return Progress::kNeedMore;
  return name_.empty() ? Fail(414, "the address is longer than http-max-head-size allows")
                       : Fail(431, "the head is longer than http-max-head-size allows (" +
                                       std::to_string(limits_.head_bytes) + " bytes)");
}

}  // namespace ringkv::server::http
