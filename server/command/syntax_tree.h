// SPDX-License-Identifier: MIT
// Parses the syntax line of a row into a tree of arguments, as COMMAND DOCS returns it.
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
  bool repeats_token = false;  // and its token with it: GET a GET b
  int key_index = 0;           // of a key: the number of keys before it
  std::vector<SyntaxNode> children;
};

std::vector<SyntaxNode> ParseSyntax(std::string_view syntax);
std::string_view SyntaxKindName(SyntaxNode::Kind kind);

}  // namespace ringkv::server
