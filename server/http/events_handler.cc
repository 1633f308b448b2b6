// SPDX-License-Identifier: MIT
// GET /console/events: begins a stream of events. What it needs is asked for by commands, whose rights it needs.
#include <memory>
#include <utility>

#include "resp/integer_text.h"
#include "server/http/event_stream.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"

namespace ringkv::server::http {
namespace {

constexpr int64_t kUsualLines = 1000;
constexpr int64_t kMostLines = 100'000;

struct Beginning {
  std::vector<std::vector<std::string>> commands = {};
  size_t next = 0;
  bool wants_samples = false;
  uint64_t most_lines = 1;  // of none
};

void GoOnBeginning(Exchange& exchange, const std::shared_ptr<Beginning>& begin) {
  if (begin->next < begin->commands.size()) {
    return exchange.Run(std::move(begin->commands[begin->next++]),
                        [&exchange, begin](const resp::Reply&) { GoOnBeginning(exchange, begin); });
  }
  auto samples = begin->wants_samples ? std::make_unique<History::Watch>(exchange.parts().history) : nullptr;
  exchange.Respond({.content_type = "text/event-stream",
                    // Proxies are to pass on what there is.
                    .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                    .events = std::make_shared<EventStream>(std::move(samples), begin->most_lines)});
}

}  // namespace

void StreamEvents(Exchange& exchange) {
  const Fields& query = exchange.target().query;
  const auto begin = std::make_shared<Beginning>();
  const std::string* limit = query.Find("limit");
  const std::optional<int64_t> lines = limit == nullptr ? kUsualLines : resp::ParseInteger(*limit);
  if (!lines || *lines < 1 || *lines > kMostLines) {
    return exchange.Fail(400, "limit is a number from 1 to " + std::to_string(kMostLines));
  }
  begin->most_lines = static_cast<uint64_t>(*lines);
  if (query.Find("samples") != nullptr) {
    begin->wants_samples = true;
    begin->commands.push_back({"INFO", "cluster"});  // who may not have it gets no samples either
  }
  // Behind a subscription no other command is allowed in RESP2.
  if (query.Find("monitor") != nullptr) begin->commands.push_back({"MONITOR"});
  if (const std::string* channel = query.Find("channel")) begin->commands.push_back({"SUBSCRIBE", *channel});
  if (const std::string* pattern = query.Find("pattern")) begin->commands.push_back({"PSUBSCRIBE", *pattern});
  if (begin->commands.empty()) return exchange.Fail(400, "this takes samples, monitor, channel or pattern");
  GoOnBeginning(exchange, begin);
}

}  // namespace ringkv::server::http
