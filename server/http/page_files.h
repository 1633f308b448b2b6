// SPDX-License-Identifier: MIT
// The files of page/ and the chart library, embedded by the build.
//
// Threads: immutable.
#pragma once

#include <span>
#include <string_view>

namespace ringkv::server::http {

struct PageFile {
  std::string_view name;
  std::string_view content_type;
  std::string_view content;
};

std::span<const PageFile> PageFiles();

}  // namespace ringkv::server::http
