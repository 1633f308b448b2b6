// SPDX-License-Identifier: MIT
// The files of page/, embedded by the build.
#pragma once

#include <string_view>

namespace ringkv::server::http {

extern const std::string_view kPageHtml;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace ringkv::server::http
