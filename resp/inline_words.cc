// SPDX-License-Identifier: MIT
#include "resp/inline_words.h"

namespace ringkv::resp {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

// Reads a quoted stretch behind its opening quote; leaves `at` behind the closing one.
bool ReadQuoted(std::string_view line, char quote, size_t* at, std::string* text) {
  while (*at < line.size()) {
    const char c = line[*at];
    if (c == quote) {
      ++*at;
      return *at == line.size() || IsSpace(line[*at]);
    }
    if (c != '\\' || *at + 1 >= line.size()) {
      text->push_back(c);
      ++*at;
    } else if (quote == '\'') {
      if (line[*at + 1] == '\'') ++*at;
      text->push_back(line[*at]);
      ++*at;
    } else if (line[*at + 1] == 'x' && *at + 3 < line.size() && HexDigit(line[*at + 2]) >= 0 &&
               HexDigit(line[*at + 3]) >= 0) {
      text->push_back(static_cast<char>(HexDigit(line[*at + 2]) * 16 + HexDigit(line[*at + 3])));
      *at += 4;
    } else {
      text->push_back(Unescape(line[*at + 1]));
      *at += 2;
    }
  }
  return false;
}

}  // namespace

bool SplitInlineWords(std::string_view line, std::string* text, std::vector<InlineWord>* words) {
  // A NUL byte ends the line, as in C strings.
  line = line.substr(0, line.find('\0'));
  size_t at = 0;
  while (true) {
    while (at < line.size() && IsSpace(line[at])) ++at;
    if (at == line.size()) return true;
    const size_t start = text->size();
    while (at < line.size() && !IsSpace(line[at])) {
      const char c = line[at++];
      if (c != '"' && c != '\'') {
        text->push_back(c);
      } else if (!ReadQuoted(line, c, &at, text)) {
        return false;
      }
    }
    words->push_back({start, text->size() - start});
  }
}

}  // namespace ringkv::resp
