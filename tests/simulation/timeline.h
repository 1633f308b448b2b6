// SPDX-License-Identifier: MIT
// Simulated time: events in their order, and chance from a seed. What happens is noted, so that two runs of a seed can
// be compared and a failure can be read.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/checksum.h"
#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "tests/simulation/number_in.h"

namespace ringkv::test {

class Timeline {
 public:
  // Traced: notes every message and disk operation, too.
  Timeline(uint64_t seed, bool is_traced) : random_(seed), is_traced_(is_traced) {}

  storage::Random& random() { return random_; }
  // True so often of a hundred.
  bool Percent(uint64_t often) { return random_.Below(100) < often; }
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most - least + 1)));
  }

  // Milliseconds since the beginning.
  int64_t now() const { return now_; }
  void After(int64_t milliseconds, std::function<void()> event) {
    events_.emplace(std::pair{now_ + milliseconds, number_++}, std::move(event));
  }
  // Runs the events up to this moment.
  void RunUntil(int64_t end) {
    while (!events_.empty() && events_.begin()->first.first <= end) {
      auto node = events_.extract(events_.begin());
      now_ = node.key().first;
      ++events_run_;
      node.mapped()();
    }
    now_ = end;
  }
  uint64_t events_run() const { return events_run_; }
  size_t events_left() const { return events_.size(); }

  void Note(int node, std::string_view what) {
    std::string line = std::to_string(now_) + " ms  node " + std::to_string(node) + "  " + std::string(what);
    Include(line);
    Keep(notes_, std::move(line));
  }
  // What only a reader of the trace wants to know: `text` makes it.
  template <typename Text>
  void Trace(int node, Text&& text) {
    if (is_traced_) Keep(details_, std::to_string(now_) + " ms  node " + std::to_string(node) + "    " + text());
  }
  // These bytes are a part of what happened.
  void Include(std::string_view bytes) { digest_ = digest_ * 0x100000001b3u + storage::Checksum(bytes); }
  bool is_traced() const { return is_traced_; }
  // Of all notes and all bytes that were delivered: equal runs have equal ones.
  uint64_t digest() const { return digest_; }
  // The newest notes and, of a traced run, the newest details between them, a line each.
  std::string trace() const {
    Lines merged = notes_;
    merged.insert(details_.begin(), details_.end());
    std::string text;
    for (const auto& [number, line] : merged) text += line + "\n";
    return text;
  }

 private:
  using Lines = std::map<uint64_t, std::string>;

  void Keep(Lines& lines, std::string line) {
    lines.emplace_hint(lines.end(), lines_++, std::move(line));
    if (lines.size() > most_lines_) lines.erase(lines.begin());
  }

  storage::Random random_;
  const bool is_traced_;
  const uint64_t most_lines_ = NumberIn("RINGKV_TRACE_LINES", 150);  // of notes, and of details
  int64_t now_ = 0;
  uint64_t number_ = 0;
  uint64_t events_run_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> events_;
  uint64_t digest_ = 0;
  uint64_t lines_ = 0;
  Lines notes_;
  Lines details_;
};

// A node's clock: it runs a little too fast or too slow, and its wall clock is wrong.
class DriftingClock final : public storage::Clock {
 public:
  DriftingClock(const Timeline& timeline, int64_t wrong_ms, int64_t drift_per_mille)
      : timeline_(timeline), wrong_ms_(wrong_ms), drift_per_mille_(drift_per_mille) {}
  storage::UnixMs Now() const override { return 1'700'000'000'000 + wrong_ms_ + timeline_.now(); }
  int64_t NowMicros() const override { return Now() * 1000; }
  int64_t SteadyMicros() const override { return 1'000'000 + timeline_.now() * (1000 + drift_per_mille_); }
  // The wall clock is set.
  void Set(int64_t wrong_ms) { wrong_ms_ = wrong_ms; }

 private:
  const Timeline& timeline_;
  int64_t wrong_ms_;
  const int64_t drift_per_mille_;
};

}  // namespace ringkv::test
