// SPDX-License-Identifier: MIT
// The syntax line of a row as a tree of arguments, in the shape that COMMAND DOCS gives to clients for their hints.
//
//   key value [NX | XX] [EX seconds | KEEPTTL] [key ...]
//
// Upper case words are tokens, [ ] is optional, < > a choice that must be made, ... repeats what stands before it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringkv::server {

struct SyntaxNode {
  enum class Kind { kKey, kString, kInteger, kDouble, kPattern, kUnixTime, kToken, kOneOf, kBlock };

  Kind kind = Kind::kString;
  std::string name;
  std::string token;
  bool is_optional = false;
  bool is_repeated = false;
  int key_index = 0;  // of a key: how many stood before it
  std::vector<SyntaxNode> children;
};

std::vector<SyntaxNode> ParseSyntax(std::string_view syntax);
std::string_view SyntaxKindName(SyntaxNode::Kind kind);

}  // namespace ringkv::server
