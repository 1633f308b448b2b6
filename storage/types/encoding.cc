// SPDX-License-Identifier: MIT
#include "storage/types/encoding.h"

#include "storage/types/integer_set.h"

namespace ringkv::storage {
namespace {

constexpr size_t kLongestEmbedded = 44;
constexpr size_t kLongestSharedInteger = 4;

std::string_view StringEncodingName(const Entry& entry) {
  if (entry.form() == StringForm::kPatched) return "raw";
  if (entry.form() != StringForm::kText && IntegerMember(entry.value())) return "int";
  return entry.value().size() <= kLongestEmbedded ? "embstr" : "raw";
}

}  // namespace

std::string_view EncodingName(const Entry& entry) {
  const bool is_large = entry.kind().is_large();
  switch (entry.type()) {
    case ValueType::kString: return StringEncodingName(entry);
    case ValueType::kHash:
      if (is_large) return "hashtable";
      return entry.has_field_expiry() ? "listpackex" : "listpack";
    case ValueType::kList: return "quicklist";
    case ValueType::kSet: return entry.kind().form() == CollectionForm::kIntegers ? "intset" : "hashtable";
    case ValueType::kSortedSet: return is_large ? "skiplist" : "listpack";
    case ValueType::kStream: return "stream";
  }
  return "unknown";
}

bool IsSharedInteger(const Entry& entry) {
  return entry.kind() == StringForm::kPlain && entry.value().size() <= kLongestSharedInteger &&
         IntegerMember(entry.value()) && entry.value()[0] != '-';
}

}  // namespace ringkv::storage
