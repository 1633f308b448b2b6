// SPDX-License-Identifier: MIT
// The files of page/, as the build has put them into the program.
#pragma once

#include <string_view>

namespace ringkv::server::http {

extern const std::string_view kPageHtml;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace ringkv::server::http
