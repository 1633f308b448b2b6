// SPDX-License-Identifier: MIT
#include "storage/types/integer_set.h"

#include <charconv>

namespace ringkv::storage {
namespace {

constexpr size_t kLongestInteger = 20;

template <typename Number>
int64_t ReadAs(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

}  // namespace

std::optional<int64_t> IntegerMember(std::string_view member) {
  if (member.empty() || member.size() > kLongestInteger) return std::nullopt;
  const size_t first_digit = member[0] == '-' ? 1 : 0;
  if (first_digit == member.size() || (member[first_digit] == '0' && member.size() > 1)) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(member.data(), member.data() + member.size(), value);
  if (error != std::errc() || end != member.data() + member.size()) return std::nullopt;
  return value;
}

bool IntegerSetView::IsSound(std::string_view bytes) {
  if (bytes.empty()) return false;
  const IntegerSetView view(bytes);
  const size_t width = view.width();
  if ((width != 2 && width != 4 && width != 8) || (bytes.size() - 1) % width != 0) return false;
  for (size_t i = 1; i < view.size(); ++i) {
    if (view.At(i - 1) >= view.At(i)) return false;
  }
  return true;
}

int64_t IntegerSetView::At(size_t index) const {
  const char* at = bytes_.data() + 1 + index * width();
  if (width() == sizeof(int16_t)) return ReadAs<int16_t>(at);
  return width() == sizeof(int32_t) ? ReadAs<int32_t>(at) : ReadAs<int64_t>(at);
}

size_t IntegerSetView::LowerBound(int64_t value) const {
  size_t low = 0;
  size_t high = size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (At(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IntegerSetView::Contains(int64_t value) const {
  const size_t at = LowerBound(value);
  return at < size() && At(at) == value;
}

void WriteInteger(char* at, size_t width, int64_t value) { std::memcpy(at, &value, width); }

}  // namespace ringkv::storage
