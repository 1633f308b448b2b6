// SPDX-License-Identifier: MIT
// Writes requests, for clients of other servers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::resp {

template <typename Word>
std::string EncodeRequest(std::span<const Word> words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    request.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  }
  return request;
}

inline std::string EncodeRequest(const std::vector<std::string>& words) {
  return EncodeRequest(std::span<const std::string>(words));
}

}  // namespace ringkv::resp
