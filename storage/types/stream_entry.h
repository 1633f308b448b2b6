// SPDX-License-Identifier: MIT
// A cursor over the entries of one block of a stream; stream_block.h has the layout.
#pragma once

#include <string_view>

#include "storage/effects/stream_id.h"
#include "storage/types/listpack.h"

namespace ringkv::storage {

// On an entry, before the first or after the last one. Invalid after a change of the block.
class StreamEntry {
 public:
  // The block's ID and its valid listpack.
  static StreamEntry BeforeFirst(const StreamId& block, std::string_view listpack);
  static StreamEntry BehindLast(const StreamId& block, std::string_view listpack);

  // Moves to the next or previous entry that is not deleted. False if there is none; then no other method may be
  // called.
  bool Next();
  bool Back();
  // Moves to the next or previous entry, deleted or not.
  bool NextOfAny();
  bool BackOfAny();

  const StreamId& id() const { return id_; }
  bool is_erased() const { return (flags_ & kErased) != 0; }
  size_t field_count() const { return fields_; }
  // Calls `visit(name, value)`.
  template <typename Visitor>
  void ForEachField(Visitor&& visit) const {
    ListpackCursor names(listpack_, master_fields_at_);
    ListpackCursor at(listpack_, fields_at_);
    for (size_t i = 0; i < fields_; ++i) {
      const ListpackText name(has_master_fields() ? names.Take() : at.Take());
      const ListpackText value(at.Take());
      visit(std::string_view(name), std::string_view(value));
    }
  }

  // The offset of its first element, the flags.
  size_t offset() const { return offset_; }
  int64_t flags() const { return flags_; }
  bool has_master_fields() const { return (flags_ & kMasterFields) != 0; }

  static constexpr int64_t kErased = 1;
  static constexpr int64_t kMasterFields = 2;
  // Number of elements of an entry besides names, values and the last one.
  static constexpr size_t kFixedElements = 3;

 private:
  StreamEntry(const StreamId& block, std::string_view listpack);
  void Read();

  std::string_view listpack_;
  StreamId block_;
  size_t master_fields_ = 0;
  size_t master_fields_at_ = 0;
  size_t first_at_ = 0;  // offset of the first entry
  size_t offset_ = 0;    // 0: before the first one
  size_t fields_at_ = 0;
  size_t fields_ = 0;
  StreamId id_;
  int64_t flags_ = 0;
};

}  // namespace ringkv::storage
