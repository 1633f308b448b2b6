// SPDX-License-Identifier: MIT
#include "server/command/double_text.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ringkv::server {

std::optional<double> ParseDouble(std::string_view text) {
  constexpr size_t kUsual = 255;  // longer ones are rare, but numbers all the same
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
  char on_stack[kUsual + 1];
  std::string on_heap;
  const char* terminated = on_stack;
  if (text.size() <= kUsual) {
    std::memcpy(on_stack, text.data(), text.size());
    on_stack[text.size()] = '\0';
  } else {
    on_heap = text;
    terminated = on_heap.c_str();
  }
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(terminated, &end);
  if (end != terminated + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO)) return std::nullopt;
  return value;
}

std::string FormatDouble(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[64];
  return std::string(text, static_cast<size_t>(std::snprintf(text, sizeof text, "%.17g", value)));
}

}  // namespace ringkv::server
