// SPDX-License-Identifier: MIT
// Lines that tell the operator how far a long job has come: the first after a second, and the longer it takes, the
// fewer.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.h"

namespace ringkv::storage {

class ProgressLines {
 public:
  // The job begins now. The clock must outlive the object.
  explicit ProgressLines(const Clock& clock) : clock_(clock) {}

  // A line, if it is time for one. `share` of the work, if that is known; `done`: so many of `units`.
  std::optional<std::string> Next(std::string_view what, std::optional<double> share, uint64_t done,
                                  std::string_view units) {
    const int64_t taken_ms = clock_.SteadyMs() - begun_ms_;
    if (taken_ms < next_ms_) return std::nullopt;
    next_ms_ = taken_ms + std::max(kShortestMs, taken_ms / kPart);
    std::string line(what);
    line += ": ";
    if (share) line += std::to_string(static_cast<int>(*share * 100)) + " %, ";
    line += std::to_string(done) + " " + std::string(units) + ", ";
    return line + std::to_string(taken_ms / 1000) + " s";
  }

 private:
  static constexpr int64_t kShortestMs = 1000;
  static constexpr int64_t kPart = 8;  // between two lines passes such a part of the time before

  const Clock& clock_;
  const int64_t begun_ms_ = clock_.SteadyMs();
  int64_t next_ms_ = kShortestMs;
};

}  // namespace ringkv::storage
