// SPDX-License-Identifier: MIT
// What clients of Redis Cluster expect as the id of a node: forty hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::cluster {

// Whether it is forty digits, in lower case.
bool IsNodeId(std::string_view text);
// The same for the same name, for ever: XXH3 of it. A name that is such an id already is its own.
std::string NodeIdOf(std::string_view name);

}  // namespace ringkv::cluster
