// SPDX-License-Identifier: MIT
#include "check/prefix_sizes.h"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <vector>

namespace ringkv::check {
namespace {

std::string Printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return shown;
}

}  // namespace

void PrefixSizes::Effect(const storage::EffectRecord& record) {
  size_t bytes = 0;
  if (const auto* put = std::get_if<storage::StringPut>(&record.effect)) bytes = put->value.size();
  if (const auto* patch = std::get_if<storage::StringPatch>(&record.effect)) bytes = patch->bytes.size();
  Count(record.key, bytes);
}

std::string_view PrefixSizes::PrefixOf(std::string_view key) const {
  size_t end = 0;
  for (size_t i = 0; i < depth_; ++i) {
    const size_t at = key.find(separator_, end);
    if (at == std::string_view::npos) break;
    end = at + 1;
  }
  return key.substr(0, end);
}

void PrefixSizes::Count(std::string_view key, size_t value_bytes) {
  const std::string_view prefix = PrefixOf(key);
  auto known = sizes_.find(prefix);
  if (known == sizes_.end() && !prefix.empty() && sizes_.size() < kMostPrefixes) {
    known = sizes_.emplace(prefix, Sizes()).first;
  }
  Sizes& sizes = prefix.empty() ? without_ : known == sizes_.end() ? others_ : known->second;
  ++sizes.count;
  sizes.key_bytes += key.size();
  sizes.value_bytes += value_bytes;
}

void PrefixSizes::Print(std::ostream& out, size_t most) const {
  std::vector<std::pair<std::string, Sizes>> rows(sizes_.begin(), sizes_.end());
  if (without_.count > 0) rows.emplace_back("(no prefix)", without_);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.second.key_bytes + a.second.value_bytes > b.second.key_bytes + b.second.value_bytes;
  });
  Sizes rest = others_;
  for (size_t i = most; i < rows.size(); ++i) {
    rest.count += rows[i].second.count;
    rest.key_bytes += rows[i].second.key_bytes;
    rest.value_bytes += rows[i].second.value_bytes;
  }
  rows.resize(std::min(rows.size(), most));
  if (rest.count > 0) rows.emplace_back("(others)", rest);
  out << std::setw(12) << "keys" << std::setw(15) << "key bytes" << std::setw(15) << "value bytes"
      << "  prefix\n";
  for (const auto& [prefix, sizes] : rows) {
    out << std::setw(12) << sizes.count << std::setw(15) << sizes.key_bytes << std::setw(15) << sizes.value_bytes
        << "  " << Printable(prefix) << "\n";
  }
}

}  // namespace ringkv::check
