// SPDX-License-Identifier: MIT
// The first line of a script or library that begins with "#!": "#!lua flags=no-writes,allow-oom".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::server {

struct Shebang {
  std::vector<std::string> words;  // the first one is "#!" with the engine
  std::string_view body;           // the text from the end of that line on, which keeps the numbers of lines
};

// Whether a text has such a line.
inline bool HasShebang(std::string_view text) { return text.starts_with("#!"); }
// Nothing if the line does not end, or its quotes don't match. `text` has such a line, and must outlive the result.
std::optional<Shebang> ParseShebang(std::string_view text);

// Adds the flags of FunctionFlag that the list names, separated by commas. Returns the first unknown one, if any.
std::optional<std::string> AddFunctionFlags(std::string_view list, uint32_t& flags);

}  // namespace ringkv::server
