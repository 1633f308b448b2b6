// SPDX-License-Identifier: MIT
// Node ids in the format that clients of Redis Cluster expect: forty hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::cluster {

// Whether the text is forty hexadecimal digits in lower case.
bool IsNodeId(std::string_view text);
// The id of a node with this name: XXH3 of the name, stable for ever. A name in the format of an id is its own id.
std::string NodeIdOf(std::string_view name);

}  // namespace ringkv::cluster
