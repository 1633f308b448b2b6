// SPDX-License-Identifier: MIT
#include "server/http/event_stream.h"

#include <utility>

#include "resp/reply_parser.h"
#include "server/http/history_json.h"
#include "server/http/json.h"

namespace ringkv::server::http {
namespace {

constexpr size_t kMostUnsent = 256 * 1024;
constexpr size_t kLongestText = 16 * 1024;  // of a message, line or name; the rest is left out
constexpr int64_t kSignOfLifeMs = 15'000;   // proxies end a response that is silent for a minute

// Between two letters of UTF-8, or text would become bytes.
std::string_view CutText(std::string_view text) {
  if (text.size() <= kLongestText) return text;
  constexpr size_t kLongestLetter = 4;
  const auto goes_on = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  for (size_t end = kLongestText; end > kLongestText - kLongestLetter; --end) {
    if (!goes_on(end)) return text.substr(0, end);
  }
  return text.substr(0, kLongestText);  // bytes
}

std::string Shortened(std::string_view text) {
  std::string json = ToJson(CutText(text));
  return text.size() <= kLongestText ? json : json + ",\"bytes\":" + std::to_string(text.size());
}

}  // namespace

std::string EventStream::Event(std::string_view name, std::string_view json) {
  std::string text;
  if (const uint64_t dropped = std::exchange(dropped_, 0); dropped > 0) {
    text = "event: dropped\ndata: {\"events\":" + std::to_string(dropped) + "}\n\n";
  }
  return text.append("event: ").append(name).append("\ndata: ").append(json).append("\n\n");
}

bool EventStream::MayAppend(size_t unsent) {
  if (unsent < kMostUnsent) return true;
  ++dropped_;
  return false;
}

std::string EventStream::Message(std::string_view resp2, size_t unsent) {
  if (!MayAppend(unsent)) return {};
  resp::Reply reply;
  size_t consumed = 0;
  const resp::ReplyLimits limits{.bulk_bytes = INT64_MAX};
  if (resp::ParseReply(resp2, limits, &reply, &consumed) != resp::ReplyStatus::kReply) return {};
  // "message" channel text, or "pmessage" pattern channel text.
  const size_t count = reply.members.size();
  if (count < 3 || (reply.members[0].text != "message" && reply.members[0].text != "pmessage")) return {};
  return Event("message", "{\"channel\":" + ToJson(CutText(reply.members[count - 2].text)) +
                              ",\"message\":" + Shortened(reply.members[count - 1].text) + "}");
}

std::string EventStream::Line(std::string_view line, size_t unsent) {
  if (lines_left_ == 0) return {};
  if (unsent < kMostUnsent) --lines_left_;
  if (!MayAppend(unsent)) return {};
  // "+line\r\n".
  std::string text = Event("command", "{\"line\":" + Shortened(line.substr(1, line.size() - 3)) + "}");
  if (lines_left_ == 0) text += Event("end", "{}");
  return text;
}

std::string EventStream::Due(int64_t now_ms, size_t unsent) {
  if (last_ms_ == 0) last_ms_ = now_ms;
  if (samples_ != nullptr) {
    if (const std::optional<HistorySample> sample = samples_->TakeNew(); sample && MayAppend(unsent)) {
      last_ms_ = now_ms;
      return Event("sample", SampleInJson(*sample, samples_->history()));
    }
  }
  if (now_ms - last_ms_ < kSignOfLifeMs || unsent > 0) return {};
  last_ms_ = now_ms;
  return ":\n\n";
}

}  // namespace ringkv::server::http
