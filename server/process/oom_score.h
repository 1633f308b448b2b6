// SPDX-License-Identifier: MIT
// How likely the kernel kills this process when memory runs out (oom-score-adj).
//
// Threads: guarded.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "server/config/options.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

enum class OomScoreMode : uint8_t { kNo, kRelative, kAbsolute };

// For a primary, a replica and a child process, which is never made here.
using OomScores = std::array<int64_t, 3>;
// "0 200 800"; says what is wrong with it.
std::string CheckOomScores(std::string_view text);

class OomScore {
 public:
  // Lets the score follow the options and the role. Call several times per second; it writes only what is new. Says
  // why if it can't, once for each value.
  std::string Fit(const Options& options, bool is_replica);
  // Writes the score that Fit will write with these values; an error is one for the client.
  std::string Try(OomScoreMode mode, std::string_view scores);

 private:
  std::optional<int64_t> Wanted(OomScoreMode mode, std::string_view scores) REQUIRES(mutex_);
  std::string Write(int64_t score) REQUIRES(mutex_);

  storage::Mutex mutex_;
  bool is_replica_ GUARDED_BY(mutex_) = false;
  std::optional<int64_t> first_ GUARDED_BY(mutex_);  // the score before the first change
  std::optional<int64_t> tried_ GUARDED_BY(mutex_);  // the last one, whether it could be written or not
};

}  // namespace ringkv::server
