// SPDX-License-Identifier: MIT
// Commands in RESP as text that a test can read: "SET key value; DEL key".
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace ringkv::test {

// "<damaged>" at the first byte that is not as it has to be.
inline std::string CommandsIn(std::string_view bytes) {
  const auto number = [&](char kind) {
    const size_t end = bytes.find("\r\n");
    if (bytes.empty() || bytes[0] != kind || end == std::string_view::npos) return -1L;
    const long value = std::atol(std::string(bytes.substr(1, end - 1)).c_str());
    bytes.remove_prefix(end + 2);
    return value;
  };
  std::string text;
  while (!bytes.empty()) {
    if (!text.empty()) text += "; ";
    for (long words = number('*'), i = 0; i < words || words < 0; ++i) {
      const long size = words < 0 ? -1 : number('$');
      if (size < 0 || bytes.size() < static_cast<size_t>(size) + 2) return text + "<damaged>";
      text.append(i == 0 ? "" : " ").append(bytes.substr(0, static_cast<size_t>(size)));
      bytes.remove_prefix(static_cast<size_t>(size) + 2);
    }
  }
  return text;
}

}  // namespace ringkv::test
