// SPDX-License-Identifier: MIT
// Helpers for ASCII text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringkv::server {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::string UpperCase(std::string_view text);
// The words between blanks; views into `text`.
std::vector<std::string_view> Words(std::string_view text);
// Whether a word is empty where each blank ends one, as redis-server reads lists.
bool HasEmptyWord(std::string_view text);

// The host of host:port; of an IPv6 address without its brackets, as redis-server names it where the port is apart.
std::string_view HostOfAddress(std::string_view address);

// Appends `text` in double quotes, with unprintable bytes escaped.
void AppendQuoted(std::string* out, std::string_view text);

}  // namespace ringkv::server
