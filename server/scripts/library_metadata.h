// SPDX-License-Identifier: MIT
// The first line of a library of functions: "#!lua name=mylib".
#pragma once

#include <string>
#include <string_view>

namespace ringkv::server {

struct LibraryMetadata {
  std::string name;
  std::string_view body;  // the code from the end of that line on, which keeps the numbers of lines
};

// Returns the error for the client; empty if the line is right. `code` must outlive the result.
std::string ReadLibraryMetadata(std::string_view code, LibraryMetadata& metadata);

}  // namespace ringkv::server
