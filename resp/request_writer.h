// SPDX-License-Identifier: MIT
// A request as bytes, for who asks another server.
#pragma once

#include <string>
#include <vector>

namespace ringkv::resp {

inline std::string EncodeRequest(const std::vector<std::string>& words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return request;
}

}  // namespace ringkv::resp
