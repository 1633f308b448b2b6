// SPDX-License-Identifier: MIT
#include "resp/reply_builder.h"

#include <utility>

namespace ringkv::resp {

bool ReplyBuilder::Count(const Reply& value) {
  const size_t bytes = sizeof(Reply) + value.text.size();
  has_overflowed_ = has_overflowed_ || bytes > left_;
  if (!has_overflowed_) left_ -= bytes;
  return !has_overflowed_;
}

Reply* ReplyBuilder::NextPlace() {
  while (!incomplete_.empty() && incomplete_.back().missing == 0) incomplete_.pop_back();
  if (!incomplete_.empty()) {
    --incomplete_.back().missing;
    return &incomplete_.back().members->emplace_back();
  }
  return std::exchange(has_root_, true) ? nullptr : &root_;
}

void ReplyBuilder::Add(Reply value) {
  if (!Count(value)) return;
  if (Reply* const place = NextPlace()) *place = std::move(value);
}

void ReplyBuilder::Open(ReplyKind kind, int64_t members) {
  const auto missing = static_cast<size_t>(members);
  Reply value{.kind = kind};
  if (!Count(value)) return;
  if (missing > left_ / sizeof(Reply)) {
    has_overflowed_ = true;
    return;
  }
  Reply* const place = NextPlace();
  if (place == nullptr) return;
  *place = std::move(value);
  place->members.reserve(missing);
  incomplete_.push_back({&place->members, missing});
}

}  // namespace ringkv::resp
