// SPDX-License-Identifier: MIT
// Walks the entries of one block of a stream; see stream_block.h for what they look like.
#pragma once

#include <string_view>

#include "storage/effects/stream_id.h"
#include "storage/types/listpack.h"

namespace ringkv::storage {

// On an entry, before the first one or behind the last one. Void when the block changes.
class StreamEntry {
 public:
  // The block's ID and its listpack, which is sound.
  static StreamEntry BeforeFirst(const StreamId& block, std::string_view listpack);
  static StreamEntry BehindLast(const StreamId& block, std::string_view listpack);

  // To the next entry that isn't erased, or to the one before; false if there is none, and then nothing else may be
  // asked of it.
  bool Next();
  bool Back();
  // Likewise, but to erased ones too.
  bool NextOfAny();
  bool BackOfAny();

  const StreamId& id() const { return id_; }
  bool is_erased() const { return (flags_ & kErased) != 0; }
  size_t field_count() const { return fields_; }
  // `visit(name, value)`.
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

  // Where its first element stands, which are its flags.
  size_t offset() const { return offset_; }
  int64_t flags() const { return flags_; }
  bool has_master_fields() const { return (flags_ & kMasterFields) != 0; }

  static constexpr int64_t kErased = 1;
  static constexpr int64_t kMasterFields = 2;
  // Elements of an entry beside its names and values, without the last one.
  static constexpr size_t kFixedElements = 3;

 private:
  StreamEntry(const StreamId& block, std::string_view listpack);
  void Read();

  std::string_view listpack_;
  StreamId block_;
  size_t master_fields_ = 0;
  size_t master_fields_at_ = 0;
  size_t first_at_ = 0;  // where the first entry begins
  size_t offset_ = 0;    // 0: before the first one
  size_t fields_at_ = 0;
  size_t fields_ = 0;
  StreamId id_;
  int64_t flags_ = 0;
};

}  // namespace ringkv::storage
