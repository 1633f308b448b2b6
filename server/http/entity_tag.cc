// SPDX-License-Identifier: MIT
#include "server/http/entity_tag.h"

#include <algorithm>

#include "server/command/digest.h"

namespace ringkv::server::http {

std::string EntityTag(std::string_view value) { return "\"" + DigestOf(value) + "\""; }

TagList ParseTags(std::string_view line, Comparison comparison) {
  if (line == "*") return {.is_sound = true, .is_any = true};
  TagList list;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t,"), line.size()));
    if (line.empty()) return list;
    const bool is_weak = line.starts_with("W/");
    if (is_weak) line.remove_prefix(2);
    const size_t end = line.starts_with('"') ? line.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return {};
    if (!is_weak || comparison == Comparison::kWeak) list.digests.emplace_back(line.substr(1, end - 1));
    list.is_sound = true;
    line.remove_prefix(end + 1);
  }
}

}  // namespace ringkv::server::http
