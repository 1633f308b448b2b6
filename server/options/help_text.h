// SPDX-License-Identifier: MIT
// What `ringkv-server --help` says.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::server {

// Without a word the common options, on one screen; with "all" every option; else those whose names contain the word.
std::string HelpText(std::string_view word);

}  // namespace ringkv::server
