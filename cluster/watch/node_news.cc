// SPDX-License-Identifier: MIT
#include "cluster/watch/node_news.h"

#include <cstdint>
#include <vector>

#include "resp/integer_text.h"
#include "storage/base/blank_words.h"

namespace ringkv::cluster {
namespace {

constexpr std::string_view kAnnounced = "+ANNOUNCED";
constexpr std::string_view kNothing = "-";

}  // namespace

std::string PrintNews(const NodeNews& news) {
  const auto word = [](const std::string& text) { return text.empty() ? std::string(kNothing) : text; };
  return std::string(kAnnounced.substr(1)) + " " + word(news.ip) + " " + std::to_string(news.port) + " " +
         word(news.hostname);
}

std::optional<NodeNews> ParseNews(std::string_view line) {
  constexpr int64_t kHighestPort = 65535;
  const std::vector<std::string_view> words = storage::SplitAtBlanks(line);
  if (words.size() < 4 || words[0] != kAnnounced) return std::nullopt;
  const std::optional<int64_t> port = resp::ParseInteger(words[2]);
  if (!port || *port < 0 || *port > kHighestPort) return std::nullopt;
  const auto text = [](std::string_view word) { return std::string(word == kNothing ? "" : word); };
  return NodeNews{.ip = text(words[1]), .hostname = text(words[3]), .port = static_cast<int>(*port)};
}

}  // namespace ringkv::cluster
