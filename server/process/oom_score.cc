// SPDX-License-Identifier: MIT
#include "server/process/oom_score.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/text.h"

namespace ringkv::server {
namespace {

constexpr const char* kScoreFile = "/proc/self/oom_score_adj";
constexpr int64_t kMostScore = 1000;
constexpr int64_t kMostOption = 2000;

std::optional<OomScores> ParseOomScores(std::string_view text) {
  const std::vector<std::string_view> words = Words(text);
  OomScores scores{};
  for (size_t i = 0; i < std::min(words.size(), scores.size()); ++i) {
    const std::optional<int64_t> score = resp::ParseInteger(words[i]);
    if (!score || *score < -kMostOption || *score > kMostOption) return std::nullopt;
    scores[i] = *score;
  }
  return scores;
}

}  // namespace

std::string CheckOomScores(std::string_view text) {
  if (Words(text).size() != OomScores().size() || HasEmptyWord(text)) return "wrong number of arguments";
  if (ParseOomScores(text)) return {};
  return "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
}

std::optional<int64_t> OomScore::Wanted(OomScoreMode mode, std::string_view scores) {
  if (mode == OomScoreMode::kNo) return first_;  // nothing was changed if there is none
  const std::optional<OomScores> each = ParseOomScores(scores);
  if (!each) return std::nullopt;
  if (!first_) {
    int64_t read = 0;
    std::ifstream(kScoreFile) >> read;
    first_ = read;
  }
  const int64_t base = mode == OomScoreMode::kRelative ? *first_ : 0;
  return std::clamp(base + (*each)[is_replica_ ? 1 : 0], -kMostScore, kMostScore);
}

std::string OomScore::Write(int64_t score) {
  tried_ = score;
  std::ofstream file(kScoreFile);
  file << score;
  if (file.flush()) return {};
  return "cannot write oom_score_adj " + std::to_string(score) + ": lowering it needs the capability SYS_RESOURCE";
}

std::string OomScore::Fit(const Options& options, bool is_replica) {
  storage::MutexLock lock(mutex_);
  is_replica_ = is_replica;
  const auto mode = static_cast<OomScoreMode>(options.oom_score_adj.load());
  const std::optional<int64_t> wanted = Wanted(mode, options.oom_score_adj_values.Get());
  return wanted && wanted != tried_ ? Write(*wanted) : "";
}

std::string OomScore::Try(OomScoreMode mode, std::string_view scores) {
  storage::MutexLock lock(mutex_);
  const std::optional<int64_t> wanted = Wanted(mode, scores);
  if (!wanted || Write(*wanted).empty()) return {};
  tried_.reset();  // the old one is to be written again
  return "Failed to apply new oom_score_adj configuration, check server logs.";
}

}  // namespace ringkv::server
