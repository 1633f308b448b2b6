// SPDX-License-Identifier: MIT
// A stream of server-sent events: samples of the server, published messages, lines of MONITOR. It is only the text: the
// connection sends it.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/report/history.h"

namespace ringkv::server::http {

class EventStream {
 public:
  // `samples`: null if none are wanted. `most_lines`: of MONITOR, after which the stream ends.
  EventStream(std::unique_ptr<History::Watch> samples, uint64_t most_lines)
      : samples_(std::move(samples)), lines_left_(most_lines) {}

  // An event, or nothing if there is none. `unsent`: bytes that wait for the client already. A client that doesn't keep
  // up misses events, and is told how many.
  std::string Message(std::string_view resp2, size_t unsent);
  std::string Line(std::string_view line, size_t unsent);
  // What is due by the time: a new sample, or a sign of life.
  std::string Due(int64_t now_ms, size_t unsent);
  // Whether the last line has come.
  bool has_ended() const { return lines_left_ == 0; }

 private:
  std::string Event(std::string_view name, std::string_view json);
  bool MayAppend(size_t unsent);

  const std::unique_ptr<History::Watch> samples_;
  uint64_t lines_left_;
  uint64_t dropped_ = 0;
  int64_t last_ms_ = 0;  // of the last event
};

}  // namespace ringkv::server::http
