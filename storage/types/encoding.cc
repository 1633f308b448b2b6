// SPDX-License-Identifier: MIT
#include "storage/types/encoding.h"

#include <charconv>
#include <cstdint>

namespace ringkv::storage {
namespace {

constexpr size_t kLongestEmbedded = 44;
constexpr size_t kLongestInteger = 20;
constexpr size_t kLongestSharedInteger = 4;

bool ReadsAsInteger(std::string_view text) {
  if (text.empty() || text.size() > kLongestInteger) return false;
  const size_t first_digit = text[0] == '-' ? 1 : 0;
  if (first_digit == text.size() || (text[first_digit] == '0' && text.size() > 1)) return false;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view StringEncodingName(const Entry& entry) {
  if (entry.form() == StringForm::kPatched) return "raw";
  if (entry.form() != StringForm::kText && ReadsAsInteger(entry.value())) return "int";
  return entry.value().size() <= kLongestEmbedded ? "embstr" : "raw";
}

}  // namespace

std::string_view EncodingName(const Entry& entry) {
  const bool is_large = entry.kind().is_large();
  switch (entry.type()) {
    case ValueType::kString: return StringEncodingName(entry);
    case ValueType::kHash: return is_large ? "hashtable" : "listpack";
    case ValueType::kList: return "quicklist";
    case ValueType::kSet: return entry.kind().form() == CollectionForm::kIntegers ? "intset" : "hashtable";
    case ValueType::kSortedSet: return is_large ? "skiplist" : "listpack";
  }
  return "unknown";
}

bool IsSharedInteger(const Entry& entry) {
  return entry.kind() == StringForm::kPlain && entry.value().size() <= kLongestSharedInteger &&
         ReadsAsInteger(entry.value()) && entry.value()[0] != '-';
}

}  // namespace ringkv::storage
