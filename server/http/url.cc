// SPDX-License-Identifier: MIT
#include "server/http/url.h"

#include <algorithm>

#include "server/base/text.h"

namespace ringkv::server::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~:/").find(c) != std::string_view::npos;
}

}  // namespace

TargetParts SplitTarget(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  TargetParts parts;
  if (EqualsIgnoringCase(target.substr(0, kScheme.size()), kScheme)) {
    target.remove_prefix(kScheme.size());
    parts.authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(parts.authority->size());
  }
  const size_t mark = std::min(target.find('?'), target.size());
  parts.path = mark == 0 && parts.authority ? "/" : target.substr(0, mark);
  parts.query = target.substr(std::min(mark + 1, target.size()));
  return parts;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_blank) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      bytes += ' ';
    } else if (text[i] != '%') {
      bytes += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      bytes += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return bytes;
}

std::string PercentEncode(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    if (IsUnreserved(c)) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

std::optional<Fields> Fields::Parse(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    if (field.empty()) continue;
    const size_t equals = std::min(field.find('='), field.size());
    auto name = PercentDecode(field.substr(0, equals), true);
    auto value = PercentDecode(field.substr(std::min(equals + 1, field.size())), true);
    if (!name || !value) return std::nullopt;
    fields.fields_.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

const std::string* Fields::Find(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const auto& each) { return each.first == name; });
  return found == fields_.end() ? nullptr : &found->second;
}

const std::string* Fields::FindTwice() const {
  for (size_t i = 1; i < fields_.size(); ++i) {
    if (Find(fields_[i].first) != &fields_[i].second) return &fields_[i].first;
  }
  return nullptr;
}

const std::string* Fields::FindOther(const std::vector<std::string_view>& known) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const auto& each) {
    return std::find(known.begin(), known.end(), each.first) == known.end();
  });
  return found == fields_.end() ? nullptr : &found->first;
}

}  // namespace ringkv::server::http
