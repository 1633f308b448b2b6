// SPDX-License-Identifier: MIT
#include "server/config/shutdown_flags.h"

#include "server/base/text.h"

namespace ringkv::server {
namespace {

constexpr struct {
  std::string_view name;
  bool ShutdownFlags::*flag;
} kShutdownFlags[] = {{"save", &ShutdownFlags::save},
                      {"nosave", &ShutdownFlags::nosave},
                      {"now", &ShutdownFlags::now},
                      {"force", &ShutdownFlags::force}};

}  // namespace

std::optional<ShutdownFlags> ParseShutdownFlags(std::string_view text) {
  ShutdownFlags flags;
  const std::vector<std::string_view> words = Words(text);
  if (words.empty() || HasEmptyWord(text)) return std::nullopt;
  for (const std::string_view word : words) {
    bool is_known = EqualsIgnoringCase(word, "default");
    for (const auto& each : kShutdownFlags) {
      if (!EqualsIgnoringCase(word, each.name)) continue;
      flags.*each.flag = true;
      is_known = true;
    }
    if (!is_known) return std::nullopt;
  }
  return flags;
}

std::string PrintShutdownFlags(const ShutdownFlags& flags) {
  std::string text;
  for (const auto& each : kShutdownFlags) {
    if (flags.*each.flag) text += (text.empty() ? "" : " ") + std::string(each.name);
  }
  return text.empty() ? "default" : text;
}

}  // namespace ringkv::server
