// SPDX-License-Identifier: MIT
#include "server/command/syntax_tree.h"

#include <algorithm>
#include <cctype>

namespace ringkv::server {
namespace {

using Kind = SyntaxNode::Kind;

std::vector<std::string> Tokenise(std::string_view syntax) {
  std::vector<std::string> tokens;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) tokens.push_back(word);
    word.clear();
  };
  for (const char c : syntax) {
    if (c == ' ') {
      finish();
    } else if (c == '[' || c == ']' || c == '<' || c == '>' || c == '|') {
      finish();
      tokens.emplace_back(1, c);
    } else {
      word += c;
    }
  }
  finish();
  return tokens;
}

bool IsToken(const std::string& word) {
  // A sign stands for itself: * and $ as stream ids, = and ~.
  const auto first = static_cast<unsigned char>(word[0]);
  return (std::isupper(first) != 0 || std::ispunct(first) != 0) && std::none_of(word.begin(), word.end(), [](char c) {
           return std::islower(static_cast<unsigned char>(c)) != 0;
         });
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Kind KindOf(const std::string& name) {
  static constexpr std::string_view kKeys[] = {"key", "key1", "key2", "newkey", "source", "destination", "destkey"};
  static constexpr std::string_view kIntegers[] = {
      "seconds", "milliseconds", "offset", "start",   "end",           "count",     "cursor",        "bit",
      "index",   "decrement",    "db",     "timeout", "min-match-len", "client-id", "destination-db"};
  if (std::find(std::begin(kKeys), std::end(kKeys), name) != std::end(kKeys)) return Kind::kKey;
  if (std::find(std::begin(kIntegers), std::end(kIntegers), name) != std::end(kIntegers)) return Kind::kInteger;
  if (name.rfind("unix-time", 0) == 0) return Kind::kUnixTime;
  if (name == "pattern") return Kind::kPattern;
  return Kind::kString;
}

class Parser {
 public:
  explicit Parser(std::string_view syntax) : tokens_(Tokenise(syntax)) {}

  // Alternatives up to the closing bracket (or the end): a sequence if there is only one.
  std::vector<SyntaxNode> ParseUntil(const std::string& closing) {
    std::vector<std::vector<SyntaxNode>> alternatives(1);
    while (at_ < tokens_.size() && tokens_[at_] != closing) {
      const std::string token = tokens_[at_++];
      if (token == "|") {
        alternatives.emplace_back();
      } else {
        ParseElement(token, &alternatives.back());
      }
    }
    if (at_ < tokens_.size()) ++at_;
    if (alternatives.size() == 1) return alternatives[0];
    SyntaxNode choice;
    choice.kind = Kind::kOneOf;
    for (std::vector<SyntaxNode>& alternative : alternatives) choice.children.push_back(AsOne(std::move(alternative)));
    choice.name = choice.children.front().name;
    return {choice};
  }

 private:
  static SyntaxNode AsOne(std::vector<SyntaxNode> nodes) {
    if (nodes.size() == 1) return std::move(nodes[0]);
    SyntaxNode block;
    block.kind = Kind::kBlock;
    block.name = nodes.empty() ? "" : nodes[0].name;
    block.children = std::move(nodes);
    return block;
  }

  void ParseElement(const std::string& token, std::vector<SyntaxNode>* nodes) {
    if (token == "...") {
      if (!nodes->empty()) nodes->back().is_repeated = true;
    } else if (token == "[") {
      ParseOptional(nodes);
    } else if (token == "<") {
      nodes->push_back(AsOne(ParseUntil(">")));
    } else if (IsToken(token)) {
      SyntaxNode node;
      node.kind = Kind::kToken;
      node.token = token;
      node.name = LowerCase(token);
      nodes->push_back(node);
    } else {
      SyntaxNode node;
      node.name = token;
      node.kind = KindOf(token);
      if (node.kind == Kind::kKey) node.key_index = keys_++;
      // A value right behind its token is one argument with a token: EX seconds. In "[CH] member" they are two.
      if (!nodes->empty() && nodes->back().kind == Kind::kToken && !nodes->back().is_optional) {
        node.token = nodes->back().token;
        nodes->pop_back();
      }
      nodes->push_back(node);
    }
  }

  // "[key ...]" behind "key" only says that key may be repeated.
  void ParseOptional(std::vector<SyntaxNode>* nodes) {
    SyntaxNode node = AsOne(ParseUntil("]"));
    std::vector<SyntaxNode> inner = node.kind == Kind::kBlock ? node.children : std::vector<SyntaxNode>{node};
    const bool repeats = !inner.empty() && inner.back().is_repeated;
    if (repeats && nodes->size() >= inner.size()) {
      const auto first = nodes->end() - static_cast<std::ptrdiff_t>(inner.size());
      if (std::equal(first, nodes->end(), inner.begin(), [](const auto& a, const auto& b) {
            return a.name == b.name && (b.token.empty() || a.token == b.token);
          })) {
        std::vector<SyntaxNode> same(first, nodes->end());
        nodes->erase(first, nodes->end());
        nodes->push_back(AsOne(std::move(same)));
        nodes->back().is_repeated = true;
        nodes->back().repeats_token = !nodes->back().token.empty() && !inner.back().token.empty();
        return;
      }
    }
    if (node.kind == Kind::kBlock && repeats) {
      node.is_repeated = true;
      node.children.back().is_repeated = false;
    }
    node.is_optional = true;
    nodes->push_back(std::move(node));
  }

  std::vector<std::string> tokens_;
  size_t at_ = 0;
  int keys_ = 0;
};

}  // namespace

std::vector<SyntaxNode> ParseSyntax(std::string_view syntax) { return Parser(syntax).ParseUntil(""); }

std::string_view SyntaxKindName(Kind kind) {
  switch (kind) {
    case Kind::kKey: return "key";
    case Kind::kString: return "string";
    case Kind::kInteger: return "integer";
    case Kind::kDouble: return "double";
    case Kind::kPattern: return "pattern";
    case Kind::kUnixTime: return "unix-time";
    case Kind::kToken: return "pure-token";
    case Kind::kOneOf: return "oneof";
    case Kind::kBlock: return "block";
  }
  return "";
}

}  // namespace ringkv::server
