// SPDX-License-Identifier: MIT
#include "check/moment.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace ringkv::check {
namespace {

// What is behind the whole seconds: "", ".250", each with or without Z.
bool ParseRest(const char* text, int* milliseconds) {
  *milliseconds = 0;
  if (*text == '.') {
    int scale = 100;
    for (++text; *text >= '0' && *text <= '9'; ++text, scale /= 10) *milliseconds += (*text - '0') * scale;
  }
  if (*text == 'Z') ++text;
  return *text == '\0';
}

}  // namespace

std::string FormatMoment(storage::UnixMs time) {
  const auto seconds = static_cast<std::time_t>(time >= 0 ? time / 1000 : (time - 999) / 1000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "@" + std::to_string(seconds);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(time - storage::UnixMs{seconds} * 1000) % 1000);
  return std::string(text, size) + fraction;
}

std::optional<storage::UnixMs> ParseMoment(const std::string& text) {
  if (text.size() > 1 && text[0] == '@') {
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str() + 1, &end);
    if (*end != '\0' || !std::isfinite(seconds) || std::abs(seconds) > 1e12) return std::nullopt;
    return static_cast<storage::UnixMs>(std::llround(seconds * 1000));
  }
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"}) {
    std::tm parts{};
    int milliseconds = 0;
    const char* rest = ::strptime(text.c_str(), format, &parts);
    if (rest == nullptr || !ParseRest(rest, &milliseconds)) continue;
    return storage::UnixMs{::timegm(&parts)} * 1000 + milliseconds;
  }
  return std::nullopt;
}

}  // namespace ringkv::check
