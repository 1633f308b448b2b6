// SPDX-License-Identifier: MIT
#include "storage/types/stream_entry.h"

namespace ringkv::storage {
namespace {

void Skip(ListpackCursor& at, size_t elements) {
  for (; elements > 0; --elements) at.Next();
}

}  // namespace

StreamEntry::StreamEntry(const StreamId& block, std::string_view listpack) : listpack_(listpack), block_(block) {
  ListpackCursor at(listpack);
  Skip(at, 2);  // how many there are, and how many erased ones
  master_fields_ = static_cast<size_t>(at.TakeInteger());
  master_fields_at_ = at.offset();
  Skip(at, master_fields_ + 1);
  first_at_ = at.offset();
}

StreamEntry StreamEntry::BeforeFirst(const StreamId& block, std::string_view listpack) { return {block, listpack}; }

StreamEntry StreamEntry::BehindLast(const StreamId& block, std::string_view listpack) {
  StreamEntry entry(block, listpack);
  entry.offset_ = ListpackCursor::AtBack(listpack).offset();
  return entry;
}

void StreamEntry::Read() {
  ListpackCursor at(listpack_, offset_);
  flags_ = at.TakeInteger();
  id_.ms = block_.ms + static_cast<uint64_t>(at.TakeInteger());
  id_.seq = block_.seq + static_cast<uint64_t>(at.TakeInteger());
  fields_ = has_master_fields() ? master_fields_ : static_cast<size_t>(at.TakeInteger());
  fields_at_ = at.offset();
}

bool StreamEntry::NextOfAny() {
  ListpackCursor at(listpack_, offset_ == 0 ? first_at_ : fields_at_);
  if (offset_ != 0) Skip(at, (has_master_fields() ? fields_ : 2 * fields_) + 1);
  if (at.AtEnd()) return false;
  offset_ = at.offset();
  Read();
  return true;
}

bool StreamEntry::BackOfAny() {
  if (offset_ <= first_at_) return false;
  ListpackCursor at(listpack_, offset_);
  at.Back();
  for (int64_t elements = at.element().integer(); elements > 0; --elements) at.Back();
  offset_ = at.offset();
  Read();
  return true;
}

bool StreamEntry::Next() {
  while (NextOfAny()) {
    if (!is_erased()) return true;
  }
  return false;
}

bool StreamEntry::Back() {
  while (BackOfAny()) {
    if (!is_erased()) return true;
  }
  return false;
}

}  // namespace ringkv::storage
